import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { MacAlgorithm } from '../../src/crypto/mac.ts';
import type { KeySpec } from '../../src/metadata/keys.ts';
import { newKey, openTestKms, SCOPE } from './open-test-kms.ts';

const MESSAGE = Buffer.from('message');
const KINDS: readonly (readonly [KeySpec, MacAlgorithm, number])[] = [
  ['HMAC_SHA224', 'HMAC_SHA_224', 28],
  ['HMAC_SHA256', 'HMAC_SHA_256', 32],
  ['HMAC_SHA384', 'HMAC_SHA_384', 48],
  ['HMAC_SHA512', 'HMAC_SHA_512', 64],
  ['HMAC_SM3', 'HMAC_SM3', 32],
];

test('each HMAC key makes codes of its own algorithm, and accepts no others', async () => {
  await using t = await openTestKms();
  for (const [keySpec, algorithm, size] of KINDS) {
    const key = await t.keys.create(SCOPE, { ...newKey(SCOPE, keySpec), keyUsage: 'GENERATE/VERIFY_MAC' });
    const code = await t.macs.generate(key, algorithm, MESSAGE);
    assert.equal(code.length, size);
    assert.ok(await t.macs.verify(key, algorithm, MESSAGE, code));
    const changed = Uint8Array.from(code);
    changed[size - 1] = (changed[size - 1] ?? 0) ^ 1;
    for (const wrong of [changed, code.subarray(1), new Uint8Array(size), new Uint8Array(0)])
      assert.ok(!(await t.macs.verify(key, algorithm, MESSAGE, wrong)));
    assert.ok(!(await t.macs.verify(key, algorithm, Buffer.from('massage'), code)));
    for (const [, other] of KINDS)
      if (other !== algorithm)
        await assert.rejects(t.macs.generate(key, other, MESSAGE), { code: 'ALGORITHM_UNSUITABLE' });
  }
});

test('other keys make no codes, and HMAC keys do nothing else', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  await assert.rejects(t.macs.generate(key, 'HMAC_SHA_256', MESSAGE), { code: 'KEY_SPEC_UNSUITABLE' });
  const hmac = await t.keys.create(SCOPE, { ...newKey(SCOPE, 'HMAC_SHA256'), keyUsage: 'GENERATE/VERIFY_MAC' });
  await assert.rejects(t.envelope.encrypt('Encrypt', hmac, {}, MESSAGE), { code: 'KEY_SPEC_UNSUITABLE' });
  await assert.rejects(t.keyPairs.publicKey({ key: hmac, keyVersionId: hmac.primaryVersionId }), {
    code: 'KEY_SPEC_UNSUITABLE',
  });
});
