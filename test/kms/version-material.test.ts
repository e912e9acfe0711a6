import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { kmsRefusalOf } from '../../src/kms/refusals.ts';
import { DAY_MS, newKey, openTestKms, SCOPE } from './open-test-kms.ts';
import { wrapFor } from './wrap-for.ts';

const TEXT = Buffer.from('text');

test('material that goes while it is used is a state of its key, and no damage', async () => {
  await using t = await openTestKms();
  const key = await t.keys.create(SCOPE, { ...newKey(SCOPE, 'Aliyun_AES_256'), origin: 'EXTERNAL' });
  const { publicKey, token } = await t.importedMaterial.parameters(SCOPE, key.keyId, 'SM2PKE');
  const wrapped = wrapFor(publicKey, 'SM2PKE', new Uint8Array(32).fill(7));
  const request = { keyReference: key.keyId, token, wrapped, expireMs: null };
  const outcomes = new Set<string>();
  for (let round = 0; round < 20; round++) {
    await t.importedMaterial.import(SCOPE, request);
    const found = await t.keys.find(SCOPE, key.keyId, { alias: 'refused' });
    const uses = Array.from({ length: 10 }, async () => {
      try {
        await t.envelope.encrypt('Encrypt', found, {}, TEXT);
        outcomes.add('sealed');
      } catch (error) {
        outcomes.add(kmsRefusalOf(error) ?? String(error));
      }
    });
    await Promise.all([t.importedMaterial.delete(SCOPE, key.keyId), ...uses]);
    // The key as it was found before the deletion.
    await assert.rejects(t.envelope.encrypt('Encrypt', found, {}, TEXT), { code: 'KEY_PENDING_IMPORT' });
  }
  assert.deepEqual(
    [...outcomes].filter((outcome) => outcome !== 'sealed' && outcome !== 'KEY_PENDING_IMPORT'),
    [],
  );
});

test('a key that is destroyed between finding and using it is unknown', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  await t.keys.scheduleDeletion(SCOPE, key.keyId, 7);
  t.advance(8 * DAY_MS);
  await t.destruction.destroyDue();
  await assert.rejects(t.envelope.encrypt('Encrypt', key, {}, TEXT), { code: 'KEY_NOT_FOUND' });
});

test('a file that is missing while its key is in use is damage, and named', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  await rm(path.join(t.directory, 'keys', key.primaryVersionId));
  await assert.rejects(t.envelope.encrypt('Encrypt', key, {}, TEXT), { kind: 'corrupt', code: 'KEY_FILE_MISSING' });
});
