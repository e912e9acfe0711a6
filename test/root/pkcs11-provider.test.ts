import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { Pkcs11Provider } from '../../src/root/pkcs11-provider.ts';
import type { Pkcs11Settings } from '../../src/root/pkcs11-provider.ts';
import { providerSuite } from './provider-suite.ts';
import { NO_SOFT_HSM, SoftHsm } from './soft-hsm.ts';

const SECRET = new Uint8Array(32).fill(3);
const provider = (hsm: SoftHsm, changes: Partial<Pkcs11Settings> = {}): Pkcs11Provider =>
  new Pkcs11Provider(systemRandom, { ...hsm.settings, ...changes });

providerSuite('a PKCS #11 token', {
  skip: NO_SOFT_HSM,
  make: async () => {
    const hsm = new SoftHsm();
    return { open: () => provider(hsm), [Symbol.asyncDispose]: async () => hsm[Symbol.dispose]() };
  },
});

test('a wrong PIN is refused as such, and is not the last try', { skip: NO_SOFT_HSM }, async () => {
  using hsm = new SoftHsm();
  const record = await provider(hsm).wrap('root-key:a', SECRET);
  const pinFile = path.join(hsm.directory, 'other-pin');
  writeFileSync(pinFile, '0000\n');
  await assert.rejects(provider(hsm, { pinFile }).unwrap('root-key:a', record), {
    kind: 'denied',
    code: 'PKCS11_REFUSED',
    message: /the PIN is wrong/,
  });
  assert.deepEqual(Uint8Array.from(await provider(hsm).unwrap('root-key:a', record)), SECRET);
});

test('a PIN that nobody configured, or that cannot be read, is asked for', { skip: NO_SOFT_HSM }, async () => {
  using hsm = new SoftHsm();
  const without = provider(hsm, { pinFile: undefined }).wrap('root-key:a', SECRET);
  await assert.rejects(without, { kind: 'invalid', message: /SEALDISK_PKCS11_PIN_FILE/ });
  const unreadable = provider(hsm, { pinFile: '/nonexistent' }).wrap('root-key:a', SECRET);
  await assert.rejects(unreadable, { kind: 'invalid', code: 'SECRET_FILE_UNREADABLE' });
});

test('a token that is taken away is waited for, and works again when it is back', { skip: NO_SOFT_HSM }, async () => {
  using hsm = new SoftHsm();
  const record = await provider(hsm).wrap('root-key:a', SECRET);
  const tokens = path.join(hsm.directory, 'tokens');
  renameSync(tokens, `${tokens}.away`);
  await assert.rejects(provider(hsm).unwrap('root-key:a', record), { kind: 'unavailable' });
  renameSync(`${tokens}.away`, tokens);
  assert.deepEqual(Uint8Array.from(await provider(hsm).unwrap('root-key:a', record)), SECRET);
});

test('a token, key or library that is not there is named', { skip: NO_SOFT_HSM }, async () => {
  using hsm = new SoftHsm();
  const wrap = (changes: Partial<Pkcs11Settings>) => provider(hsm, changes).wrap('root-key:a', SECRET);
  await assert.rejects(wrap({ token: 'none' }), { kind: 'unavailable', code: 'PKCS11_TOKEN_MISSING' });
  await assert.rejects(wrap({ key: 'none' }), { kind: 'denied', code: 'PKCS11_KEY_MISSING', message: /pkcs11-tool/ });
  await assert.rejects(wrap({ module: '/nonexistent.so' }), { kind: 'unavailable', code: 'PKCS11_MODULE_MISSING' });
});

test('another key of the same token opens nothing', { skip: NO_SOFT_HSM }, async () => {
  using hsm = new SoftHsm();
  hsm.makeKey('other');
  const record = await provider(hsm).wrap('root-key:a', SECRET);
  await assert.rejects(provider(hsm, { key: 'other' }).unwrap('root-key:a', record), { kind: 'corrupt' });
});
