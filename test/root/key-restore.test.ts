import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { backUpKeys, openKeyBackup } from '../../src/root/key-backup.ts';
import type { KeyBackupParts } from '../../src/root/key-backup.ts';
import { applyRestore, planRestore } from '../../src/root/key-restore.ts';
import { PassphraseProvider } from '../../src/root/passphrase-provider.ts';
import { givenSecret } from '../../src/root/secret-source.ts';
import { updateKey } from '../../src/metadata/keys.ts';
import type { Key } from '../../src/metadata/keys.ts';
import { tempDir } from '../metadata/support.ts';
import { newKey, SCOPE } from '../kms/open-test-kms.ts';
import { openTestInstallation } from './open-test-installation.ts';
import type { TestInstallation } from './open-test-installation.ts';
import { CHEAP_SCRYPT } from './open-test-trust.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const CONTEXT = { a: 'b' };
const ciphers = nodeCipherBackend();

const provider = (passphrase = 'a passphrase of the backup'): PassphraseProvider =>
  new PassphraseProvider(ciphers, systemRandom, givenSecret(Buffer.from(passphrase)), CHEAP_SCRYPT);
const partsOf = ({ kms, database, clock }: TestInstallation): KeyBackupParts => ({
  store: kms.store,
  tombstones: kms.tombstones,
  database,
  ciphers,
  clock,
  random: systemRandom,
});
const backUp = async (t: TestInstallation): Promise<Uint8Array> => (await backUpKeys(partsOf(t), provider())).file;

/** Restores, and answers what became of each key. */
async function restore(
  t: TestInstallation,
  file: Uint8Array,
  options: { readonly apply?: boolean; readonly resurrect?: readonly string[] } = {},
): Promise<Record<string, string>> {
  const parts = partsOf(t);
  const content = await openKeyBackup(parts, file, () => provider());
  const plan = await planRestore(parts, content, options.resurrect ?? []);
  if (options.apply ?? true) await applyRestore(parts, content, plan);
  return Object.fromEntries(
    plan.keys.map(({ key, outcome, resurrected }) => [key.keyId, resurrected ? 'resurrected' : outcome]),
  );
}

interface Used {
  readonly key: Key;
  readonly blob: Uint8Array;
}

async function makeUsedKey({ kms }: TestInstallation): Promise<Used> {
  const key = await kms.keys.create(SCOPE, newKey(SCOPE, 'Aliyun_AES_256'));
  return { key, blob: (await kms.envelope.encrypt('Encrypt', key, CONTEXT, Buffer.from('content'))).blob };
}

async function opens({ kms }: TestInstallation, { blob }: Used): Promise<boolean> {
  try {
    return Buffer.from((await kms.envelope.decrypt(SCOPE, CONTEXT, blob)).plaintext).toString() === 'content';
  } catch {
    return false;
  }
}

async function destroy(t: TestInstallation, { key }: Used): Promise<void> {
  await t.kms.keys.scheduleDeletion(SCOPE, key.keyId, 7);
  t.clock.advance(8 * DAY_MS);
  assert.deepEqual(await t.kms.destruction.destroyDue(), [key.keyId]);
}

test('a backup brings all keys, their states and aliases into an empty data directory', async () => {
  using dir = tempDir();
  using empty = tempDir();
  await using t = await openTestInstallation(dir.path);
  await t.kms.service.open(SCOPE);
  const [one, two] = [await makeUsedKey(t), await makeUsedKey(t)];
  await t.kms.aliases.create(SCOPE, 'alias/mine', one.key.keyId);
  await t.kms.keys.disable(SCOPE, two.key.keyId);
  const file = await backUp(t);
  await using other = await openTestInstallation(empty.path);
  assert.deepEqual(await restore(other, file), { [one.key.keyId]: 'restore', [two.key.keyId]: 'restore' });
  assert.ok(await opens(other, one));
  assert.equal((await other.kms.keys.find(SCOPE, two.key.keyId, { alias: 'refused' })).keyState, 'Disabled');
  assert.equal((await other.kms.keys.find(SCOPE, 'alias/mine', { alias: 'allowed' })).keyId, one.key.keyId);
  assert.ok(await other.kms.service.isOpen(SCOPE));
  assert.deepEqual(
    Object.values(await restore(other, file)),
    ['present', 'present'],
    'the second time nothing is to be done',
  );
});

test('without being asked to, a restore changes nothing and says what it would do', async () => {
  using dir = tempDir();
  using empty = tempDir();
  await using t = await openTestInstallation(dir.path);
  const used = await makeUsedKey(t);
  const file = await backUp(t);
  await using other = await openTestInstallation(empty.path);
  assert.deepEqual(await restore(other, file, { apply: false }), { [used.key.keyId]: 'restore' });
  assert.deepEqual(await other.kms.store.list(), []);
  assert.equal(await opens(other, used), false);
});

test('a destroyed key stays destroyed unless it is named, and comes back disabled', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const [kept, doomed] = [await makeUsedKey(t), await makeUsedKey(t)];
  const file = await backUp(t);
  await destroy(t, doomed);
  const expected = { [kept.key.keyId]: 'present', [doomed.key.keyId]: 'destroyed' };
  assert.deepEqual(await restore(t, file), expected);
  assert.equal(await opens(t, doomed), false);
  assert.deepEqual(await t.kms.store.list(), [kept.key.primaryVersionId]);
  const named = await restore(t, file, { resurrect: [doomed.key.keyId] });
  assert.deepEqual(named, { ...expected, [doomed.key.keyId]: 'resurrected' });
  assert.equal((await t.kms.keys.find(SCOPE, doomed.key.keyId, { alias: 'refused' })).keyState, 'Disabled');
  assert.equal(await opens(t, doomed), false, 'nobody uses it before it was enabled');
  await t.kms.keys.enable(SCOPE, doomed.key.keyId);
  assert.ok(await opens(t, doomed));
  assert.deepEqual(await t.kms.destruction.destroyDue(), [], 'and it is not destroyed again');
});

test('a key that an older database still knows is not brought back either', async () => {
  using dir = tempDir();
  using copy = tempDir();
  let used: Used;
  let file: Uint8Array;
  {
    await using t = await openTestInstallation(dir.path);
    used = await makeUsedKey(t);
    file = await backUp(t);
    await t.database.scrub();
    cpSync(path.join(dir.path, 'metadata.db'), path.join(copy.path, 'metadata.db'));
    await destroy(t, used);
  }
  for (const suffix of ['', '-wal', '-shm']) rmSync(path.join(dir.path, `metadata.db${suffix}`), { force: true });
  cpSync(path.join(copy.path, 'metadata.db'), path.join(dir.path, 'metadata.db'));
  await using t = await openTestInstallation(dir.path);
  assert.deepEqual(await restore(t, file), { [used.key.keyId]: 'destroyed' });
  assert.deepEqual(await t.kms.store.list(), []);
});

test('a key whose waiting time has ended since the backup counts as destroyed, even in an empty data directory', async () => {
  using dir = tempDir();
  using empty = tempDir();
  await using t = await openTestInstallation(dir.path);
  const [waiting, cancelled] = [await makeUsedKey(t), await makeUsedKey(t)];
  for (const { key } of [waiting, cancelled]) await t.kms.keys.scheduleDeletion(SCOPE, key.keyId, 7);
  await t.kms.keys.cancelDeletion(SCOPE, cancelled.key.keyId);
  const file = await backUp(t);
  await using other = await openTestInstallation(empty.path);
  other.clock.advance(8 * DAY_MS);
  assert.deepEqual(await restore(other, file), { [waiting.key.keyId]: 'destroyed', [cancelled.key.keyId]: 'restore' });
  assert.equal(await opens(other, waiting), false);
});

test('a destroyed key is in no backup that is made afterwards, not even before its files are gone', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const used = await makeUsedKey(t);
  await t.kms.keys.scheduleDeletion(SCOPE, used.key.keyId, 7);
  t.clock.advance(8 * DAY_MS);
  const content = await openKeyBackup(partsOf(t), await backUp(t), () => provider());
  assert.deepEqual([content.index.keys, content.index.keyVersions, content.keyFiles], [[], [], []]);
});

test('a key that lost its files gets its material back', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const used = await makeUsedKey(t);
  const file = await backUp(t);
  rmSync(path.join(dir.path, 'keys', used.key.primaryVersionId));
  assert.equal(await opens(t, used), false);
  assert.deepEqual(await restore(t, file), { [used.key.keyId]: 'material' });
  assert.ok(await opens(t, used));
});

test('material that was deleted on purpose is not put back under its key, unless the key is named', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const used = await makeUsedKey(t);
  const { keyId, primaryVersionId } = used.key;
  const file = await backUp(t);
  // As DeleteKeyMaterial leaves a key.
  await t.kms.store.destroy(primaryVersionId);
  await t.database.transact((transaction) => updateKey(transaction, keyId, { keyState: 'PendingImport' }));
  assert.deepEqual(await restore(t, file), { [keyId]: 'destroyed' });
  assert.deepEqual(await t.kms.store.list(), []);
  assert.deepEqual(await restore(t, file, { resurrect: [keyId] }), { [keyId]: 'resurrected' });
  assert.equal((await t.kms.keys.find(SCOPE, keyId, { alias: 'refused' })).keyState, 'Disabled');
  await t.kms.keys.enable(SCOPE, keyId);
  assert.ok(await opens(t, used));
});

test('material that has expired is in no backup, and an expired one of a backup is not put back', async () => {
  using dir = tempDir();
  using empty = tempDir();
  await using t = await openTestInstallation(dir.path);
  const { key } = await makeUsedKey(t);
  const materialExpireMs = t.clock.nowMs() + DAY_MS;
  await t.database.transact((transaction) => updateKey(transaction, key.keyId, { materialExpireMs }));
  const file = await backUp(t);
  await using other = await openTestInstallation(empty.path);
  other.clock.advance(2 * DAY_MS);
  assert.deepEqual(await restore(other, file), { [key.keyId]: 'destroyed' });
  t.clock.advance(2 * DAY_MS);
  const content = await openKeyBackup(partsOf(t), await backUp(t), () => provider());
  assert.deepEqual([content.index.keys.length, content.keyFiles], [1, []]);
});

test('a restore that was interrupted goes on where it was', async () => {
  using dir = tempDir();
  using empty = tempDir();
  await using t = await openTestInstallation(dir.path);
  const [one, two] = [await makeUsedKey(t), await makeUsedKey(t)];
  const file = await backUp(t);
  await using other = await openTestInstallation(empty.path);
  const parts = partsOf(other);
  const content = await openKeyBackup(parts, file, () => provider());
  const plan = await planRestore(parts, content, []);
  await assert.rejects(applyRestore({ ...parts, database: undefined as never }, content, plan), TypeError);
  assert.equal((await other.kms.store.list()).length, 2, 'the files are there, the rows are not');
  await restore(other, file);
  for (const used of [one, two]) assert.ok(await opens(other, used));
});

test('a key that the backup does not have cannot be named', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const file = await backUp(t);
  await assert.rejects(restore(t, file, { resurrect: ['nothing'] }), { kind: 'not-found', code: 'KEY_NOT_IN_BACKUP' });
});

test('a backup hides what it holds, opens with its passphrase only, and is refused when any byte was changed', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const { key } = await makeUsedKey(t);
  const file = await backUp(t);
  const { material } = await t.kms.store.read(key.primaryVersionId);
  using secret = material;
  for (const needle of [
    Buffer.from(secret.reveal()),
    Buffer.from(Buffer.from(secret.reveal()).toString('hex')),
    Buffer.from(key.keyId),
  ])
    assert.ok(!Buffer.from(file).includes(needle));
  const parts = partsOf(t);
  const wrong = openKeyBackup(parts, file, () => provider('another passphrase'));
  await assert.rejects(wrong, { kind: 'denied', code: 'ROOT_PASSPHRASE_WRONG' });
  for (let at = 0; at < file.length; at += at < 500 ? 1 : 37) {
    const changed = Uint8Array.from(file);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(
      openKeyBackup(parts, changed, () => provider()),
      (error: Error & { kind?: string }) => error.kind !== undefined,
      `byte ${at}`,
    );
  }
  for (const length of [0, 10, file.length - 2])
    await assert.rejects(
      openKeyBackup(parts, file.subarray(0, length), () => provider()),
      { kind: 'corrupt' },
    );
});
