import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { PassphraseProvider } from '../../src/root/passphrase-provider.ts';
import { parseProviderRecord } from '../../src/root/provider.ts';
import { givenSecret, secretFile } from '../../src/root/secret-source.ts';
import type { SecretSource } from '../../src/root/secret-source.ts';
import { tempDir } from '../metadata/support.ts';
import { CHEAP_SCRYPT } from './open-test-trust.ts';
import { providerSuite } from './provider-suite.ts';

const SECRET = new Uint8Array(32).fill(3);
const provider = (source: SecretSource): PassphraseProvider =>
  new PassphraseProvider(nodeCipherBackend(), systemRandom, source, CHEAP_SCRYPT);
const given = (passphrase: string): PassphraseProvider => provider(givenSecret(Buffer.from(passphrase)));

providerSuite('a passphrase', {
  make: async () => ({ open: () => given('correct horse battery'), [Symbol.asyncDispose]: async () => undefined }),
});

test('another passphrase is refused as wrong, and none at all as missing', async () => {
  const record = await given('correct horse battery').wrap('root-key:a', SECRET);
  const wrong = given('correct horse batterz').unwrap('root-key:a', record);
  await assert.rejects(wrong, { kind: 'denied', code: 'ROOT_PASSPHRASE_WRONG' });
  const missing = provider(async () => undefined).unwrap('root-key:a', record);
  await assert.rejects(missing, { kind: 'denied', code: 'SEALED', message: /sealdisk unseal/ });
});

test('a passphrase with fewer than 12 bytes is refused', async () => {
  await assert.rejects(given('short').wrap('root-key:a', SECRET), { kind: 'invalid', code: 'PASSPHRASE_TOO_SHORT' });
});

test('a passphrase comes from a file, whose final line break does not count', async () => {
  using dir = tempDir();
  const file = path.join(dir.path, 'passphrase');
  const fromFile = provider(secretFile(file, 'SEALDISK_PASSPHRASE_FILE'));
  const unreadable = { kind: 'invalid', code: 'SECRET_FILE_UNREADABLE', message: /SEALDISK_PASSPHRASE_FILE/ };
  await assert.rejects(fromFile.wrap('root-key:a', SECRET), unreadable);
  await writeFile(file, 'correct horse battery\r\n');
  const record = await fromFile.wrap('root-key:a', SECRET);
  assert.deepEqual(Uint8Array.from(await given('correct horse battery').unwrap('root-key:a', record)), SECRET);
  await writeFile(file, 'x'.repeat(5_000));
  await assert.rejects(fromFile.unwrap('root-key:a', record), unreadable);
});

test('a record whose work factors would take the machine down is refused before any work', async () => {
  const record = await given('correct horse battery').wrap('root-key:a', SECRET);
  for (const change of [
    { n: 2 ** 40 },
    { n: 1000 },
    { n: 1 },
    { p: 100 },
    { r: 0 },
    { kdf: 'none' },
    { salt: 'zz' },
    { wrapped: '' },
  ])
    assert.throws(() => parseProviderRecord({ ...record, ...change }), {
      kind: 'corrupt',
      code: 'PROVIDER_RECORD_DAMAGED',
    });
  for (const other of [undefined, null, 'file', {}, { kind: 'else' }, []])
    assert.throws(() => parseProviderRecord(other), { code: 'PROVIDER_RECORD_DAMAGED' });
});
