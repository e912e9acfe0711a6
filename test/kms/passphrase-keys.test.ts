import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { PassphraseKeys } from '../../src/kms/passphrase-keys.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const keys = (): PassphraseKeys => new PassphraseKeys(nodeCipherBackend(), systemRandom, { n: 16, r: 1, p: 1 });

test('a secret opens with its passphrase in its context, on another installation, and not otherwise', async () => {
  const wrapped = await keys().seal(bytes('correct horse'), 'stream:1', bytes('secret'));
  assert.deepEqual(Buffer.from(await keys().open(bytes('correct horse'), 'stream:1', wrapped)), bytes('secret'));
  const isRefused = (error: unknown): boolean => isKind(error, 'corrupt');
  await assert.rejects(keys().open(bytes('wrong horse'), 'stream:1', wrapped), isRefused);
  await assert.rejects(keys().open(bytes('correct horse'), 'stream:2', wrapped), isRefused);
  await assert.rejects(
    keys().open(bytes('correct horse'), 'stream:1', { ...wrapped, salt: new Uint8Array(32) }),
    isRefused,
  );
  for (let at = 0; at < wrapped.sealed.length; at++) {
    const sealed = wrapped.sealed.slice();
    sealed[at] = (sealed[at] ?? 0) ^ 1;
    await assert.rejects(keys().open(bytes('correct horse'), 'stream:1', { ...wrapped, sealed }), isRefused);
  }
});

test('the same secret twice looks different', async () => {
  const [one, two] = [
    await keys().seal(bytes('correct horse'), 'stream:1', bytes('secret')),
    await keys().seal(bytes('correct horse'), 'stream:1', bytes('secret')),
  ];
  assert.notDeepEqual(one.salt, two.salt);
  assert.notDeepEqual(one.sealed, two.sealed);
});
