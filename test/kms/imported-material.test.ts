import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import type { WrappingAlgorithm } from '../../src/crypto/asymmetric.ts';
import { findKey, updateKey } from '../../src/metadata/keys.ts';
import type { Key, KeySpec } from '../../src/metadata/keys.ts';
import { DAY_MS, newKey, openTestKms, OTHER_ACCOUNT, SCOPE } from './open-test-kms.ts';
import type { TestKms } from './open-test-kms.ts';
import { wrapFor } from './wrap-for.ts';

const START_MS = Date.UTC(2026, 10, 23);
const MATERIAL = randomBytes(32);

const makeExternal = (t: TestKms, keySpec: KeySpec = 'Aliyun_AES_256'): Promise<Key> =>
  t.keys.create(SCOPE, { ...newKey(SCOPE, keySpec), origin: 'EXTERNAL' });

interface ImportOptions {
  readonly algorithm?: WrappingAlgorithm;
  readonly expireMs?: number | null;
}

async function prepare(t: TestKms, keyId: string, material: Uint8Array, options: ImportOptions = {}) {
  const { algorithm = 'RSAES_OAEP_SHA_256', expireMs = null } = options;
  const { publicKey, token } = await t.importedMaterial.parameters(SCOPE, keyId, algorithm);
  return { keyReference: keyId, token, wrapped: wrapFor(publicKey, algorithm, material), expireMs };
}

async function importInto(t: TestKms, keyId: string, material: Uint8Array, options?: ImportOptions): Promise<void> {
  await t.importedMaterial.import(SCOPE, await prepare(t, keyId, material, options));
}

const stateOf = async (t: TestKms, keyId: string): Promise<string> =>
  (await t.keys.find(SCOPE, keyId, { alias: 'refused' })).keyState;
const fileOf = (t: TestKms, key: Key): string => path.join(t.directory, 'keys', key.primaryVersionId);

async function seal(t: TestKms, keyId: string): Promise<Uint8Array> {
  const key = await t.keys.find(SCOPE, keyId, { alias: 'refused' });
  return (await t.envelope.encrypt('Encrypt', key, {}, Buffer.from('text'))).blob;
}

async function opens(t: TestKms, blob: Uint8Array): Promise<boolean> {
  return Buffer.from((await t.envelope.decrypt(SCOPE, {}, blob)).plaintext).toString() === 'text';
}

for (const [keySpec, algorithm, size] of [
  ['Aliyun_AES_256', 'RSAES_PKCS1_V1_5', 32],
  ['Aliyun_SM4', 'RSAES_OAEP_SHA_1', 16],
  ['Aliyun_AES_192', 'RSAES_OAEP_SHA_256', 24],
  ['Aliyun_AES_128', 'SM2PKE', 16],
] as const) {
  test(`a key of ${keySpec} waits for its material, and works with what came under ${algorithm}`, async () => {
    await using t = await openTestKms();
    const key = await makeExternal(t, keySpec);
    assert.equal(key.keyState, 'PendingImport');
    assert.ok(!existsSync(fileOf(t, key)));
    await assert.rejects(seal(t, key.keyId), { code: 'KEY_PENDING_IMPORT' });
    await importInto(t, key.keyId, randomBytes(size), { algorithm });
    assert.equal(await stateOf(t, key.keyId), 'Enabled');
    assert.ok(await opens(t, await seal(t, key.keyId)));
    assert.ok(await opens({ ...t, ...(await t.reopen()) }, await seal(t, key.keyId)));
  });
}

test('material of another size is refused whatever it is wrapped with, and leaves nothing', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  for (const algorithm of ['RSAES_PKCS1_V1_5', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'] as const)
    for (const size of [16, 31, 33])
      await assert.rejects(importInto(t, key.keyId, randomBytes(size), { algorithm }), { code: 'MATERIAL_REFUSED' });
  assert.equal(await stateOf(t, key.keyId), 'PendingImport');
  assert.deepEqual(readdirSync(path.join(t.directory, 'keys')), []);
  assert.equal((await findKey(t.database.read, key.keyId))?.materialCheck, null);
});

test('deleted material is gone from the disk, the key waits, and only the same material brings it back', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  await importInto(t, key.keyId, MATERIAL);
  const blob = await seal(t, key.keyId);
  await t.importedMaterial.delete(SCOPE, key.keyId);
  assert.equal(await stateOf(t, key.keyId), 'PendingImport');
  assert.deepEqual(readdirSync(path.join(t.directory, 'keys')), []);
  await assert.rejects(opens(t, blob), { code: 'KEY_PENDING_IMPORT' });
  await t.importedMaterial.delete(SCOPE, key.keyId);
  await assert.rejects(importInto(t, key.keyId, randomBytes(32)), { code: 'MATERIAL_REFUSED' });
  assert.equal(await stateOf(t, key.keyId), 'PendingImport');
  assert.deepEqual(readdirSync(path.join(t.directory, 'keys')), []);
  await importInto(t, key.keyId, MATERIAL);
  assert.ok(await opens(t, blob));
});

test('importing again while the material is there only changes when it expires', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  await importInto(t, key.keyId, MATERIAL, { expireMs: START_MS + DAY_MS });
  const before = readFileSync(fileOf(t, key));
  await assert.rejects(importInto(t, key.keyId, randomBytes(32)), { code: 'MATERIAL_REFUSED' });
  await importInto(t, key.keyId, MATERIAL);
  assert.deepEqual(readFileSync(fileOf(t, key)), before);
  t.advance(2 * DAY_MS);
  await t.importedMaterial.expireDue();
  assert.equal(await stateOf(t, key.keyId), 'Enabled');
});

test('material expires at its time, before anybody tidies up, and is destroyed when somebody does', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  await importInto(t, key.keyId, MATERIAL, { expireMs: START_MS + DAY_MS });
  const blob = await seal(t, key.keyId);
  t.advance(DAY_MS - 1);
  await t.importedMaterial.expireDue();
  assert.ok(await opens(t, blob));
  t.advance(1);
  await assert.rejects(opens(t, blob), { code: 'KEY_PENDING_IMPORT' });
  assert.equal(await stateOf(t, key.keyId), 'PendingImport');
  assert.ok(existsSync(fileOf(t, key)));
  await t.importedMaterial.expireDue();
  assert.deepEqual(readdirSync(path.join(t.directory, 'keys')), []);
  await importInto(t, key.keyId, MATERIAL, { expireMs: START_MS + 9 * DAY_MS });
  assert.ok(await opens(t, blob));
});

test('expired material that nobody tidied up comes back with an import', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  await importInto(t, key.keyId, MATERIAL, { expireMs: START_MS + DAY_MS });
  t.advance(DAY_MS);
  await importInto(t, key.keyId, MATERIAL);
  await t.importedMaterial.expireDue();
  assert.equal(await stateOf(t, key.keyId), 'Enabled');
  assert.ok(await opens(t, await seal(t, key.keyId)));
});

test('a disabled key stays disabled through an import, and a dying one takes none but lets its material go', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  await importInto(t, key.keyId, MATERIAL);
  await t.keys.disable(SCOPE, key.keyId);
  await importInto(t, key.keyId, MATERIAL);
  assert.equal(await stateOf(t, key.keyId), 'Disabled');
  await t.keys.scheduleDeletion(SCOPE, key.keyId, 7);
  await assert.rejects(importInto(t, key.keyId, MATERIAL), { code: 'KEY_STATE_CONFLICT' });
  await t.importedMaterial.delete(SCOPE, key.keyId);
  assert.equal(await stateOf(t, key.keyId), 'PendingDeletion');
  assert.deepEqual(readdirSync(path.join(t.directory, 'keys')), []);
  await t.keys.cancelDeletion(SCOPE, key.keyId);
  assert.equal(await stateOf(t, key.keyId), 'PendingImport');
});

test('a key that is enabled again after its deletion was called off waits if its material never came', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  await t.keys.scheduleDeletion(SCOPE, key.keyId, 7);
  await t.keys.cancelDeletion(SCOPE, key.keyId);
  assert.equal(await stateOf(t, key.keyId), 'PendingImport');
  await assert.rejects(t.keys.enable(SCOPE, key.keyId), { code: 'KEY_STATE_CONFLICT' });
});

test('a token is good for its key for a day, as often as wanted', async () => {
  await using t = await openTestKms();
  const [key, other] = [await makeExternal(t), await makeExternal(t)];
  const { publicKey, token, expiresMs } = await t.importedMaterial.parameters(SCOPE, key.keyId, 'RSAES_OAEP_SHA_256');
  assert.equal(expiresMs, START_MS + DAY_MS);
  const wrapped = wrapFor(publicKey, 'RSAES_OAEP_SHA_256', MATERIAL);
  const importWith = (keyId: string, bytes = token) =>
    t.importedMaterial.import(SCOPE, { keyReference: keyId, token: bytes, wrapped, expireMs: null });
  await assert.rejects(importWith(other.keyId), { code: 'IMPORT_TOKEN_REFUSED' });
  await assert.rejects(importWith(key.keyId, randomBytes(100)), { code: 'IMPORT_TOKEN_REFUSED' });
  t.advance(DAY_MS - 1);
  await importWith(key.keyId);
  await t.importedMaterial.delete(SCOPE, key.keyId);
  await importWith(key.keyId);
  t.advance(1);
  await assert.rejects(importWith(key.keyId), { code: 'IMPORT_TOKEN_EXPIRED' });
  const again = await t.importedMaterial.parameters(SCOPE, key.keyId, 'RSAES_OAEP_SHA_256');
  await assert.rejects(importWith(key.keyId, again.token), { code: 'MATERIAL_REFUSED' }, 'public key and token differ');
});

test('an expiry that has passed, a key of ours, the service key and a key of others are refused', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  await assert.rejects(importInto(t, key.keyId, MATERIAL, { expireMs: START_MS }), { code: 'EXPIRY_PAST' });
  const own = await t.makeKey();
  const service = await t.serviceKeys.obtain(SCOPE);
  for (const [keyId, code] of [
    [own.keyId, 'ORIGIN_UNSUPPORTED'],
    [service.keyId, 'SERVICE_KEY_FIXED'],
  ] as const) {
    const token = new Uint8Array(100);
    const request = { keyReference: keyId, token, wrapped: token, expireMs: null };
    await assert.rejects(t.importedMaterial.parameters(SCOPE, keyId, 'SM2PKE'), { code });
    await assert.rejects(t.importedMaterial.import(SCOPE, request), { code });
    await assert.rejects(t.importedMaterial.delete(SCOPE, keyId), { code });
  }
  await assert.rejects(t.importedMaterial.delete(OTHER_ACCOUNT, key.keyId), { code: 'KEY_NOT_FOUND' });
});

test('imports, deletions and expiries of one key that race leave material and state that belong together', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  for (let round = 0; round < 5; round++) {
    const work = [0, 1, 2, 3].flatMap((index) => [
      importInto(t, key.keyId, MATERIAL, { algorithm: 'SM2PKE', expireMs: START_MS + DAY_MS * (index + 1) }),
      t.importedMaterial.delete(SCOPE, key.keyId),
      t.importedMaterial.expireDue(),
    ]);
    await Promise.all(work);
    const isThere = existsSync(fileOf(t, key));
    assert.equal(await stateOf(t, key.keyId), isThere ? 'Enabled' : 'PendingImport');
  }
});

test('what a crash left of an import or a deletion is tidied up, and does not bind the key', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  // The file is there and its row is not: the import was never answered.
  writeFileSync(fileOf(t, key), 'sealed bytes of a crash');
  await t.importedMaterial.expireDue();
  assert.ok(existsSync(fileOf(t, key)), 'it may also be newer than a database that was put back');
  await importInto(t, key.keyId, MATERIAL);
  assert.ok(await opens(t, await seal(t, key.keyId)));
  // The row is changed and the file is still there: the deletion was never answered.
  const changes = { keyState: 'PendingImport', materialImportedMs: null } as const;
  await t.database.transact((transaction) => updateKey(transaction, key.keyId, changes));
  await t.importedMaterial.expireDue();
  assert.deepEqual(readdirSync(path.join(t.directory, 'keys')), []);
});

test('an import that a scheduled deletion overtakes is refused and leaves no material', async () => {
  await using t = await openTestKms();
  let overtaken = 0;
  for (let round = 0; round < 20 && overtaken < 3; round++) {
    const key = await makeExternal(t);
    const request = await prepare(t, key.keyId, MATERIAL, { algorithm: 'SM2PKE' });
    const importing = t.importedMaterial.import(SCOPE, request).then(
      () => 'imported',
      (error: { code: string }) => error.code,
    );
    await t.keys.scheduleDeletion(SCOPE, key.keyId, 7);
    const outcome = await importing;
    assert.equal(existsSync(fileOf(t, key)), outcome === 'imported');
    if (outcome === 'KEY_STATE_CONFLICT') overtaken += 1;
    assert.equal(await stateOf(t, key.keyId), 'PendingDeletion');
  }
  assert.ok(overtaken > 0, 'no import was overtaken');
});

test('material that is imported again while its expiry is at work stays', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  for (let round = 1; round <= 10; round++) {
    await importInto(t, key.keyId, MATERIAL, { algorithm: 'SM2PKE', expireMs: START_MS + DAY_MS * round });
    t.advance(DAY_MS);
    const request = await prepare(t, key.keyId, MATERIAL, { algorithm: 'SM2PKE' });
    const importing = t.importedMaterial.import(SCOPE, request);
    await Promise.all([importing, t.importedMaterial.expireDue()]);
    assert.equal(await stateOf(t, key.keyId), 'Enabled', `round ${round}`);
    assert.ok(await opens(t, await seal(t, key.keyId)));
  }
});

test('a disk under a key of imported material opens while the material is there', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  const request = { ...SCOPE, diskId: 'd-1', keyId: key.keyId };
  await assert.rejects(t.diskKeys.generate(request), { code: 'CMKNotEnabled' });
  await importInto(t, key.keyId, MATERIAL);
  const { kmsKeyId, suite, wrapped, plaintext } = await t.diskKeys.generate(request);
  const open = () => t.diskKeys.open({ ...SCOPE, diskId: 'd-1', kmsKeyId, suite, wrapped });
  assert.deepEqual(await open(), plaintext);
  await t.importedMaterial.delete(SCOPE, key.keyId);
  await assert.rejects(open(), { code: 'CMKNotEnabled' });
  await importInto(t, key.keyId, MATERIAL);
  assert.deepEqual(await open(), plaintext);
});

test('a block that does not unwrap goes the same way as other material, as far as a client can tell', async () => {
  await using t = await openTestKms();
  const key = await makeExternal(t);
  await importInto(t, key.keyId, MATERIAL);
  const algorithm = 'RSAES_PKCS1_V1_5';
  const good = await prepare(t, key.keyId, MATERIAL, { algorithm });
  const other = await prepare(t, key.keyId, randomBytes(32), { algorithm });
  const malformed = { ...good, wrapped: good.wrapped.map((byte, index) => (index === 200 ? byte ^ 1 : byte)) };
  // All of them wait for their turn with the key, and then fail alike: none is refused ahead of its turn.
  const settled: string[] = [];
  const importing = [good, malformed, other].map((request, index) =>
    t.importedMaterial.import(SCOPE, request).then(
      () => settled.push(`${index} taken`),
      (error: Error) => settled.push(`${index} ${error.message}`),
    ),
  );
  await Promise.all(importing);
  const [first, second = '', third = ''] = settled;
  assert.equal(first, '0 taken');
  assert.deepEqual([second[0], third[0]], ['1', '2']);
  assert.equal(second.slice(1), third.slice(1));
});
