// Whether a destroyed key is gone: from its files, the database and its journal, and after old copies were put back.
import assert from 'node:assert/strict';
import { copyFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { wipeableCopy } from '../../src/base/wipeable-bytes.ts';
import { KeyDestruction } from '../../src/kms/key-destruction.ts';
import { decodeKeyFile } from '../../src/kms/key-file.ts';
import type { KeyStore } from '../../src/kms/key-store.ts';
import { Tombstones } from '../../src/kms/tombstones.ts';
import type { Database } from '../../src/metadata/database.ts';
import type { DestroyedKey } from '../../src/metadata/destroyed-keys.ts';
import { findDestroyedKey } from '../../src/metadata/destroyed-keys.ts';
import { listKeyVersions } from '../../src/metadata/key-versions.ts';
import { findKey, updateKey } from '../../src/metadata/keys.ts';
import type { Key } from '../../src/metadata/keys.ts';
import { filesWith } from '../support/files-with.ts';
import { DAY_MS, openTestKms, SCOPE } from './open-test-kms.ts';
import type { TestKms } from './open-test-kms.ts';

const WEEK_S = 7 * 24 * 60 * 60;
const TEXT = Buffer.from('a secret');

/** A key of two versions with an alias and a tag that occur nowhere else. */
async function makeRotatedKey(t: TestKms): Promise<Key> {
  const { keyId } = await t.makeKey();
  await t.keys.describe(SCOPE, keyId, 'description-of-the-doomed');
  await t.aliases.create(SCOPE, 'alias/alias-of-the-doomed', keyId);
  await t.versions.setRotation(SCOPE, keyId, WEEK_S);
  t.advance(7 * DAY_MS);
  await t.versions.rotateDue();
  return t.keys.find(SCOPE, keyId, { alias: 'refused' });
}

async function destroy(t: TestKms, { keyId }: Key): Promise<void> {
  await t.keys.scheduleDeletion(SCOPE, keyId, 7);
  t.advance(7 * DAY_MS);
  assert.deepEqual(await t.destruction.destroyDue(), [keyId]);
}

const keysDirectory = (t: TestKms): string => path.join(t.directory, 'keys');
const tombstoneOf = (t: TestKms, { keyId }: Key): string => path.join(t.directory, 'destroyed-keys', keyId);

/** What a copy of some files of the data directory holds. */
async function copyOf(t: TestKms, ...names: string[]): Promise<{ restore(): Promise<void> } & AsyncDisposable> {
  const aside = await mkdtemp(path.join(tmpdir(), 'sealdisk-aside-'));
  for (const name of names) await cp(path.join(t.directory, name), path.join(aside, name), { recursive: true });
  return {
    restore: async () => {
      for (const name of names) await cp(path.join(aside, name), path.join(t.directory, name), { recursive: true });
    },
    [Symbol.asyncDispose]: () => rm(aside, { recursive: true }),
  };
}

test('a deletion that is called off in the last moment is not carried out', async () => {
  await using t = await openTestKms();
  const { keyId } = await t.makeKey();
  await t.keys.scheduleDeletion(SCOPE, keyId, 7);
  const due = Promise.withResolvers<void>();
  const callingOff = t.database.transact(async (transaction) => {
    await updateKey(transaction, keyId, { keyState: 'Enabled', deleteMs: null });
    await due.promise;
  });
  t.advance(7 * DAY_MS);
  const destroying = t.destruction.destroyDue();
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  due.resolve();
  await callingOff;
  assert.deepEqual(await destroying, []);
  assert.equal((await t.keys.find(SCOPE, keyId, { alias: 'refused' })).keyState, 'Enabled');
});

test('after its destruction neither the material of a key, nor its sealed form, nor its rows are in any file', async () => {
  await using t = await openTestKms();
  const key = await makeRotatedKey(t);
  const needles: Buffer[] = [Buffer.from('description-of-the-doomed'), Buffer.from('alias-of-the-doomed')];
  for (const { keyVersionId } of await listKeyVersions(t.database.read, key.keyId)) {
    const sealed = await readFile(path.join(keysDirectory(t), keyVersionId));
    const { material } = decodeKeyFile(t.sealer.open(`key-version:${keyVersionId}`, sealed));
    // The sealed form in pieces, so that half of it is found too.
    for (let at = 1; at + 32 <= sealed.length; at += 32) needles.push(sealed.subarray(at, at + 32));
    needles.push(Buffer.from(material), Buffer.from(Buffer.from(material).toString('hex')));
  }
  const found = (needle: Buffer): string[] => filesWith(t.directory, needle);
  for (const needle of needles.slice(0, 3)) assert.notDeepEqual(found(needle), [], 'the search finds what is there');

  await destroy(t, key);
  for (const needle of needles) assert.deepEqual(found(needle), []);
  assert.deepEqual(await readdir(keysDirectory(t)), []);
});

test('what stays of a destroyed key is a tombstone as a file and as a row', async () => {
  await using t = await openTestKms();
  const key = await makeRotatedKey(t);
  const versions = (await listKeyVersions(t.database.read, key.keyId)).map(({ keyVersionId }) => keyVersionId);
  await destroy(t, key);
  const row = await findDestroyedKey(t.database.read, key.keyId);
  assert.deepEqual(row?.keyVersionIds, versions.toSorted());
  assert.deepEqual(await readdir(path.join(t.directory, 'destroyed-keys')), [key.keyId]);
  assert.deepEqual((await t.reopen()).returned, { destroyedAgain: [], unguarded: [] });
});

test('an old copy of the key files does not bring a destroyed key back', async () => {
  await using t = await openTestKms();
  const key = await makeRotatedKey(t);
  const other = await t.makeKey();
  const { blob } = await t.envelope.encrypt('Encrypt', key, {}, TEXT);
  await using old = await copyOf(t, 'keys');
  await destroy(t, key);
  await old.restore();
  assert.equal((await readdir(keysDirectory(t))).length, 3);

  const kms = await t.reopen();
  assert.deepEqual(kms.returned.destroyedAgain, [key.keyId]);
  assert.deepEqual(await readdir(keysDirectory(t)), [other.primaryVersionId]);
  await assert.rejects(kms.envelope.decrypt(SCOPE, {}, blob), { code: 'KEY_NOT_FOUND' });
});

test('an old copy of the database does not bring a destroyed key back', async () => {
  await using t = await openTestKms();
  const key = await makeRotatedKey(t);
  const other = await t.makeKey();
  const { blob } = await t.envelope.encrypt('Encrypt', key, {}, TEXT);
  await t.database.scrub();
  await using old = await copyOf(t, 'metadata.db');
  await destroy(t, key);
  await t.closeDatabase();
  for (const suffix of ['-wal', '-shm']) await rm(path.join(t.directory, `metadata.db${suffix}`), { force: true });
  await old.restore();

  const kms = await t.reopen();
  assert.deepEqual(kms.returned.destroyedAgain, [key.keyId]);
  assert.equal(await findKey(t.database.read, key.keyId), undefined);
  assert.ok(await findDestroyedKey(t.database.read, key.keyId), 'the row is made again from the file');
  assert.deepEqual(await readdir(keysDirectory(t)), [other.primaryVersionId]);
  await assert.rejects(kms.envelope.decrypt(SCOPE, {}, blob), { code: 'KEY_NOT_FOUND' });
});

test('versions that only their files know are destroyed with their key', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  const sealedOnce = await readdir(keysDirectory(t));
  await makeVersionWithoutRow(t, key);
  assert.equal((await readdir(keysDirectory(t))).length, sealedOnce.length + 1);
  await destroy(t, key);
  assert.deepEqual(await readdir(keysDirectory(t)), []);
});

/** As a database leaves it that is older than the last rotation. */
async function makeVersionWithoutRow(t: TestKms, key: Key): Promise<void> {
  const keyVersionId = '00000000-0000-4000-8000-000000000000';
  const { keyId, accountId, regionId, keySpec, keyUsage, createdMs } = key;
  const header = { keyVersionId, keyId, accountId, regionId, keySpec, keyUsage, createdMs };
  await t.store.write(header, wipeableCopy(Buffer.alloc(32, 7)));
}

test('a destruction that was cut short after its tombstone is completed by the next start, as after both old copies', async () => {
  await using t = await openTestKms();
  const key = await makeRotatedKey(t);
  await t.database.scrub();
  await using before = await copyOf(t, 'metadata.db', 'keys');
  await destroy(t, key);
  const tombstone = await readFile(tombstoneOf(t, key));
  // Everything but the tombstone is as it was.
  await t.closeDatabase();
  for (const suffix of ['-wal', '-shm']) await rm(path.join(t.directory, `metadata.db${suffix}`), { force: true });
  await before.restore();
  await writeFile(tombstoneOf(t, key), tombstone);
  await t.reopen();
  assert.deepEqual(await readdir(keysDirectory(t)), []);
  assert.equal(await findKey(t.database.read, key.keyId), undefined);
});

test('a crash before any step of a destruction leaves one that is completed later', async () => {
  for (let step = 0, isOver = false; !isOver; step++) {
    await using t = await openTestKms();
    const key = await makeRotatedKey(t);
    await t.keys.scheduleDeletion(SCOPE, key.keyId, 7);
    t.advance(7 * DAY_MS);
    let calls = 0;
    const orCrash = <T>(work: () => Promise<T>): Promise<T> => {
      if (calls++ === step) throw new Error('the power failed');
      return work();
    };
    const tombstones = await Tombstones.open(t.directory, t.sealer);
    const crashing = new KeyDestruction({
      clock: t.clock,
      database: {
        read: t.database.read,
        transact: (body: Parameters<Database['transact']>[0]) => orCrash(() => t.database.transact(body)),
        scrub: () => orCrash(() => t.database.scrub()),
      } as unknown as Database,
      store: {
        versionsOf: (keyId: string) => t.store.versionsOf(keyId),
        destroy: (keyVersionId: string) => orCrash(() => t.store.destroy(keyVersionId)),
      } as unknown as KeyStore,
      tombstones: { write: (gone: DestroyedKey) => orCrash(() => tombstones.write(gone)) } as unknown as Tombstones,
    });
    isOver = await crashing.destroyDue().then(
      () => true,
      () => false,
    );
    if (isOver) assert.equal(step, 6, 'the list, a tombstone, two files, the rows and the journal were tried');

    const kms = await t.reopen();
    await kms.destruction.destroyDue();
    assert.deepEqual(await readdir(keysDirectory(t)), [], `step ${step}`);
    assert.equal(await findKey(t.database.read, key.keyId), undefined, `step ${step}`);
    assert.ok(await findDestroyedKey(t.database.read, key.keyId), `step ${step}`);
    assert.deepEqual(await readdir(path.join(t.directory, 'destroyed-keys')), [key.keyId], `step ${step}`);
    assert.deepEqual(filesWith(t.directory, Buffer.from('description-of-the-doomed')), [], `step ${step}`);
  }
});

test('a tombstone that was lost or changed is made again from its row', async () => {
  await using t = await openTestKms();
  const keys = [await t.makeKey(), await t.makeKey()];
  for (const key of keys) await destroy(t, key);
  const [lost, changed] = keys.map((key) => tombstoneOf(t, key));
  await rm(lost ?? '');
  await writeFile(changed ?? '', 'nonsense');
  assert.deepEqual((await t.reopen()).returned, { destroyedAgain: [], unguarded: [] });
  const tombstones = await Tombstones.open(t.directory, t.sealer);
  const { keys: made, damaged } = await tombstones.list();
  assert.deepEqual(made.map(({ keyId }) => keyId).toSorted(), keys.map(({ keyId }) => keyId).toSorted());
  assert.deepEqual(damaged, []);
});

test('a tombstone that does not open and has no row is named, and destroys nothing', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  await writeFile(tombstoneOf(t, key), 'forged');
  const kms = await t.reopen();
  assert.deepEqual(kms.returned, { destroyedAgain: [], unguarded: [key.keyId] });
  assert.equal((await kms.keys.find(SCOPE, key.keyId, { alias: 'refused' })).keyState, 'Enabled');
});

test('the tombstone of one key does not serve for another', async () => {
  await using t = await openTestKms();
  const [gone, here] = [await t.makeKey(), await t.makeKey()];
  await destroy(t, gone);
  await copyFile(tombstoneOf(t, gone), tombstoneOf(t, here));
  const kms = await t.reopen();
  assert.deepEqual(kms.returned.unguarded, [here.keyId]);
  assert.equal((await kms.keys.find(SCOPE, here.keyId, { alias: 'refused' })).keyState, 'Enabled');
});

test('whoever wants to follow a destruction is told of it, and of one that had to be done again', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  await using old = await copyOf(t, 'keys');
  await destroy(t, key);
  assert.deepEqual(t.destroyed, [[key.keyId]]);
  await old.restore();
  await t.reopen();
  assert.deepEqual(t.destroyed, [[key.keyId], [key.keyId]]);
});

test('the next destruction is announced, and none when no key waits for it', async () => {
  await using t = await openTestKms();
  const key = await t.makeKey();
  assert.equal(await t.destruction.nextDueMs(), undefined);
  await t.keys.scheduleDeletion(SCOPE, key.keyId, 9);
  assert.equal(await t.destruction.nextDueMs(), key.createdMs + 9 * DAY_MS);
});
