import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { findAccessKey, updateAccessKey } from '../../src/metadata/access-keys.ts';
import { StoredCredentials } from '../../src/ram/credentials.ts';
import { tempDir } from '../metadata/support.ts';
import { newKey, SCOPE } from '../kms/open-test-kms.ts';
import { openTestInstallation, stock, takeStock } from './open-test-installation.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

test('after a rotation every key file, row and secret is under the new store keys, and the earlier ones are forgotten', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t);
  await t.trust.rotate();
  assert.equal(t.trust.keyring.storeKeys.length, 5);
  await t.resealing.run();
  assert.deepEqual(
    t.trust.keyring.storeKeys.map(({ number, purpose }) => [number, purpose]),
    [
      [1, 'disks'],
      [4, 'rows'],
      [5, 'keys'],
    ],
  );
  const { state, keyFiles, rows } = t.resealing.progress;
  assert.equal(state, 'done');
  assert.equal(keyFiles, 3);
  assert.ok(rows >= 9, `${rows} rows`);
  for (const file of readdirSync(path.join(dir.path, 'keys')))
    assert.equal(readFileSync(path.join(dir.path, 'keys', file)).toString('hex', 0, 5), '0200000005');
  const raw = new DatabaseSync(path.join(dir.path, 'metadata.db'), { readOnly: true });
  for (const table of ['settings', 'accounts', 'access_keys', 'keys', 'key_versions'])
    for (const { mac } of raw.prepare(`select mac from ${table}`).all())
      assert.equal(
        Buffer.from(mac as Uint8Array)
          .toString('hex')
          .slice(0, 8),
        '00000004',
        table,
      );
  for (const { secret_sealed: sealed } of raw.prepare('select secret_sealed from access_keys').all())
    assert.equal(Buffer.from(sealed as Uint8Array).toString('hex', 0, 5), '0200000004');
  raw.close();
  assert.deepEqual(await takeStock(t, inventory), inventory);
});

test('what is read, written and destroyed while everything is sealed anew stays right', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t, 12);
  const doomed = await t.kms.keys.create(SCOPE, newKey(SCOPE, 'Aliyun_AES_256'));
  await t.kms.keys.scheduleDeletion(SCOPE, doomed.keyId, 7);
  t.clock.advance(8 * DAY_MS);
  await t.trust.rotate();
  const work = t.resealing.run();
  const during = [
    t.createAccessKey(),
    t.createAccessKey(),
    t.kms.destruction.destroyDue(),
    takeStock(t, inventory),
  ] as const;
  const [one, , destroyed, stockTaken] = await Promise.all(during);
  await work;
  assert.equal(t.resealing.progress.state, 'done', t.resealing.progress.reason ?? '');
  assert.deepEqual(destroyed, [doomed.keyId]);
  assert.deepEqual(stockTaken, inventory);
  assert.equal(await t.secretOf(one.accessKeyId), one.accessKeySecret);
  assert.ok(!readdirSync(path.join(dir.path, 'keys')).some((file) => file.startsWith(doomed.primaryVersionId)));
});

test('an earlier copy of key files does not open with a keyring that was renewed after a key was destroyed', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t);
  using copy = tempDir();
  cpSync(path.join(dir.path, 'keys'), copy.path, { recursive: true });
  await t.trust.renew('keys');
  await t.resealing.run();
  await t.resealing.run();
  const [keyVersionId = ''] = readdirSync(copy.path);
  cpSync(path.join(copy.path, keyVersionId), path.join(dir.path, 'keys', keyVersionId));
  await assert.rejects(t.kms.store.read(keyVersionId), { kind: 'corrupt', code: 'SEALED_BYTES_DAMAGED' });
  assert.deepEqual(t.trust.keyring.numbersOf('rows'), [2], 'the rows were left as they were');
  assert.equal(inventory.plaintexts.length, 3);
});

test('an earlier copy of a row is refused once its key is forgotten', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const { accessKeyId } = await t.createAccessKey();
  const raw = new DatabaseSync(path.join(dir.path, 'metadata.db'));
  const earlier = raw.prepare('select * from access_keys where access_key_id = ?').get(accessKeyId) as {
    mac: Uint8Array;
  };
  await t.database.transact((transaction) => updateAccessKey(transaction, accessKeyId, { status: 'Inactive' }));
  await t.trust.rotate();
  await t.resealing.run();
  await t.resealing.run();
  raw
    .prepare("update access_keys set status = 'Active', mac = ? where access_key_id = ?")
    .run(earlier.mac, accessKeyId);
  await assert.rejects(findAccessKey(t.database.read, accessKeyId), { code: 'ROW_ALTERED' });
  raw.close();
});

test('a secret that was sealed long before it is stored is refused, and not lost', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const { accessKeyId, accessKeySecret } = await t.createAccessKey();
  const secretSealed = t.trust.keyring.sealer('rows').seal(`access-key:${accessKeyId}`, Buffer.from('late'));
  await t.trust.rotate();
  await t.resealing.run();
  const late = t.database.transact((transaction) => updateAccessKey(transaction, accessKeyId, { secretSealed }));
  await assert.rejects(late, { kind: 'unavailable', code: 'SEALED_TOO_LONG_AGO' });
  assert.equal(await t.secretOf(accessKeyId), accessKeySecret);
});

test('an AccessKey that does not exist is looked for as ever after the store keys have changed twice', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const credentials = new StoredCredentials(t.database.read, t.trust.keyring.sealer('rows'));
  for (let round = 0; round < 2; round++) {
    assert.equal(await credentials.find('LTAInobody'), undefined);
    await t.trust.rotate();
    await t.resealing.run();
    await t.resealing.run();
  }
  assert.equal(await credentials.find('LTAInobody'), undefined);
});

test('a changed row keeps the earlier store key, is named, and keeps nothing else from being sealed anew', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t);
  const raw = new DatabaseSync(path.join(dir.path, 'metadata.db'));
  raw.exec("update keys set description = 'x' where rowid = (select min(rowid) from keys)");
  await t.trust.rotate();
  await t.resealing.run();
  assert.equal(t.resealing.progress.state, 'waiting');
  assert.match(t.resealing.progress.reason ?? '', /keys\/1/);
  assert.deepEqual(t.trust.keyring.numbersOf('rows'), [2, 4]);
  assert.deepEqual(t.trust.keyring.numbersOf('keys'), [5]);
  raw.exec("update keys set description = '' where rowid = (select min(rowid) from keys)");
  raw.close();
  await t.resealing.run();
  assert.equal(t.resealing.progress.state, 'done');
  assert.deepEqual(await takeStock(t, inventory), inventory);
});

test('a secret where nobody looks for one keeps the earlier store key, and is named', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const raw = new DatabaseSync(path.join(dir.path, 'metadata.db'));
  raw.exec('create table later (cell blob)');
  raw.prepare('insert into later values (?)').run(t.trust.keyring.sealer('rows').seal('x', Buffer.from('y')));
  await t.trust.rotate();
  await t.resealing.run();
  assert.equal(t.resealing.progress.state, 'waiting');
  assert.match(t.resealing.progress.reason ?? '', /later\.cell/);
  assert.deepEqual(t.trust.keyring.numbersOf('rows'), [2, 4]);
  raw.exec('drop table later');
  raw.close();
  await t.resealing.run();
  assert.deepEqual(t.trust.keyring.numbersOf('rows'), [4]);
});

test('a damaged key file keeps the earlier store key until it is mended', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t);
  const [name = ''] = readdirSync(path.join(dir.path, 'keys'));
  const file = path.join(dir.path, 'keys', name);
  const content = readFileSync(file);
  writeFileSync(file, content.subarray(1));
  await t.trust.rotate();
  await t.resealing.run();
  assert.equal(t.resealing.progress.state, 'waiting');
  assert.deepEqual(t.trust.keyring.numbersOf('keys'), [3, 5]);
  writeFileSync(file, content);
  await t.resealing.run();
  assert.equal(t.resealing.progress.state, 'done');
  assert.deepEqual(await takeStock(t, inventory), inventory);
});

test('a second rotation while the first is under way ends with one store key for each purpose', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t);
  await t.trust.rotate();
  const first = t.resealing.run();
  await t.trust.rotate();
  await Promise.all([first, t.resealing.run()]);
  await t.resealing.run();
  assert.equal(t.trust.keyring.storeKeys.length, 3);
  assert.deepEqual(await takeStock(t, inventory), inventory);
});
