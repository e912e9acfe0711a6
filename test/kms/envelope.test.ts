import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertSameBytes, openTestKms, OTHER_ACCOUNT, OTHER_REGION, SCOPE } from './open-test-kms.ts';

const TEXT = Buffer.from('attack at dawn');
const CONTEXT = { purpose: 'test', disk: 'd-1' };

for (const spec of ['Aliyun_AES_256', 'Aliyun_SM4', 'Aliyun_AES_192', 'Aliyun_AES_128'] as const) {
  test(`what is sealed under a key of ${spec} opens with the same context only, and nothing tells what was wrong`, async () => {
    await using t = await openTestKms();
    const key = await t.makeKey(spec);
    const { blob, keyVersionId } = await t.envelope.encrypt('Encrypt', key, CONTEXT, TEXT);
    assert.ok(!Buffer.from(blob).includes(TEXT));
    const restarted = await t.reopen();
    const opened = await restarted.envelope.decrypt(SCOPE, { disk: 'd-1', purpose: 'test' }, blob);
    assert.deepEqual(
      [opened.keyId, opened.keyVersionId, Buffer.from(opened.plaintext)],
      [key.keyId, keyVersionId, TEXT],
    );

    const changed = Uint8Array.from(blob);
    changed[blob.length - 1] = (changed[blob.length - 1] ?? 0) ^ 1;
    const outcomes = [
      () => t.envelope.decrypt(SCOPE, {}, blob),
      () => t.envelope.decrypt(SCOPE, { ...CONTEXT, disk: 'd-2' }, blob),
      () => t.envelope.decrypt(SCOPE, CONTEXT, changed),
      () => t.envelope.decrypt(SCOPE, CONTEXT, new Uint8Array(200)),
      () => t.envelope.decrypt(SCOPE, CONTEXT, new Uint8Array(0)),
    ];
    for (const outcome of outcomes)
      await assert.rejects(outcome(), {
        kind: 'invalid',
        code: 'CIPHERTEXT_REFUSED',
        message: 'The ciphertext does not open with this encryption context.',
      });
  });
}

test('a ciphertext of another account or region is as unknown as one of a key that never was', async () => {
  await using t = await openTestKms();
  const { blob } = await t.envelope.encrypt('Encrypt', await t.makeKey(), CONTEXT, TEXT);
  const neverWas = Uint8Array.from(blob);
  neverWas.set(Buffer.from('00000000-0000-0000-0000-000000000000'), 0);
  const unknown = { code: 'KEY_NOT_FOUND', message: 'The account has no such key in this region.' };
  await assert.rejects(t.envelope.decrypt(OTHER_ACCOUNT, CONTEXT, blob), unknown);
  await assert.rejects(t.envelope.decrypt(OTHER_REGION, CONTEXT, blob), unknown);
  await assert.rejects(t.envelope.decrypt(SCOPE, CONTEXT, neverWas), unknown);
});

test('a key pair and an HMAC key seal no blob', async () => {
  await using t = await openTestKms();
  for (const spec of ['RSA_2048', 'EC_P256', 'EC_P256K', 'EC_SM2', 'HMAC_SHA256'] as const) {
    const key = await t.makeKey(spec);
    const refused = { kind: 'invalid', code: 'KEY_SPEC_UNSUITABLE' };
    await assert.rejects(t.envelope.encrypt('Encrypt', key, {}, TEXT), refused);
    await assert.rejects(t.envelope.generateDataKey('GenerateDataKey', key, {}, 32), refused);
  }
});

test('a data key is random, as long as asked, and opens from its blob', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  const one = await t.envelope.generateDataKey('GenerateDataKey', key, CONTEXT, 48);
  const two = await t.envelope.generateDataKey('GenerateDataKey', key, CONTEXT, 48);
  assert.equal(one.plaintext.length, 48);
  assert.notDeepEqual(one.plaintext, two.plaintext);
  assertSameBytes((await t.envelope.decrypt(SCOPE, CONTEXT, one.blob)).plaintext, one.plaintext);
});

test('a key that is not enabled neither seals nor opens', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  const find = () => t.keys.find(SCOPE, keyId, { alias: 'refused' });
  const { blob } = await t.envelope.encrypt('Encrypt', await find(), CONTEXT, TEXT);
  await t.keys.disable(SCOPE, keyId);
  const disabled = { kind: 'conflict', code: 'KEY_DISABLED' };
  await assert.rejects(t.envelope.encrypt('Encrypt', await find(), CONTEXT, TEXT), disabled);
  await assert.rejects(t.envelope.generateDataKey('GenerateDataKey', await find(), CONTEXT, 32), disabled);
  await assert.rejects(t.envelope.decrypt(SCOPE, CONTEXT, blob), disabled);
  await t.keys.enable(SCOPE, keyId);
  assertSameBytes((await t.envelope.decrypt(SCOPE, CONTEXT, blob)).plaintext, TEXT);
});

test('once a key is destroyed, nothing under it opens', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  const { blob } = await t.envelope.encrypt('Encrypt', key, CONTEXT, TEXT);
  await t.keys.scheduleDeletion(SCOPE, key.keyId, 7);
  await assert.rejects(t.envelope.decrypt(SCOPE, CONTEXT, blob), { code: 'KEY_PENDING_DELETION' });
  t.advance(7 * 24 * 60 * 60 * 1000);
  await assert.rejects(t.envelope.decrypt(SCOPE, CONTEXT, blob), { code: 'KEY_NOT_FOUND' });
  await t.destruction.destroyDue();
  await assert.rejects(t.envelope.decrypt(SCOPE, CONTEXT, blob), { code: 'KEY_NOT_FOUND' });
});
