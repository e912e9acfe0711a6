import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAccount } from '../../src/metadata/accounts.ts';
import { insertDisk } from '../../src/metadata/disks.ts';
import {
  deleteSnapshot,
  findSnapshot,
  insertSnapshot,
  listSnapshots,
  listSnapshotsOfDisk,
  updateSnapshot,
} from '../../src/metadata/snapshots.ts';
import type { Snapshot, SnapshotFilter } from '../../src/metadata/snapshots.ts';
import { ACCOUNT, REGION, aDisk, aSnapshot, openTestDatabase } from './support.ts';

async function withSnapshots(list: readonly Partial<Snapshot>[]) {
  const opened = await openTestDatabase();
  await opened.database.transact(async (transaction) => {
    await insertAccount(transaction, { accountId: ACCOUNT, regionId: REGION, createdMs: 1 });
    for (const [index, changes] of list.entries()) {
      await insertSnapshot(transaction, aSnapshot({ snapshotId: `s-${index}`, createdMs: 1_000 + index, ...changes }));
    }
    await insertDisk(transaction, aDisk({ sourceSnapshotId: 's-0' }));
  });
  return opened;
}

test('each filter keeps the matching snapshot and drops the other', async () => {
  const other: Partial<Snapshot> = {
    sourceDiskId: 'd-2',
    sourceInstanceId: null,
    sourceDiskType: 'system',
    name: 'weekly',
    status: 'progressing',
    type: 'auto',
    category: 'flash',
    resourceGroupId: null,
    encrypted: false,
    kmsKeyId: null,
    tags: [],
  };
  await using opened = await withSnapshots([{}, other, { status: 'deleting' }]);
  const filters: readonly Partial<SnapshotFilter>[] = [
    { snapshotIds: ['s-0'] },
    { sourceDiskId: 'd-1' },
    { sourceInstanceId: 'i-1' },
    { sourceDiskType: 'data' },
    { name: 'nightly' },
    { status: 'accomplished' },
    { type: 'user' },
    { category: 'standard' },
    { usage: 'disk' },
    { resourceGroupId: 'rg-1' },
    { encrypted: true },
    { kmsKeyId: 'key-1' },
    { createdToMs: 1_000 },
    { tags: [{ key: 'env', value: 'prod' }] },
  ];
  const ids = async (filter: Partial<SnapshotFilter>) => {
    const page = { kind: 'offset', offset: 0, limit: 10 } as const;
    const listed = await listSnapshots(opened.database.read, { accountId: ACCOUNT, regionId: REGION, ...filter }, page);
    assert.equal(listed.totalCount, listed.rows.length);
    return listed.rows.map((snapshot) => snapshot.snapshotId);
  };
  for (const filter of filters) assert.deepEqual(await ids(filter), ['s-0'], JSON.stringify(filter));
  assert.deepEqual(await ids({ usage: 'none' }), ['s-1']);
  assert.deepEqual(await ids({ createdFromMs: 1_001 }), ['s-1']);
  assert.deepEqual(await ids({}), ['s-1', 's-0']);
  assert.deepEqual(await ids({ snapshotIds: [] }), []);
});

test('a snapshot reads back as written, changes, and goes', async () => {
  await using opened = await withSnapshots([{ status: 'progressing', pin: null, progress: 0 }]);
  const { database } = opened;
  await database.transact((transaction) =>
    updateSnapshot(transaction, 's-0', { status: 'accomplished', progress: 100, pin: { sequence: 1, digest: 'aa' } }),
  );
  assert.deepEqual(
    await findSnapshot(database.read, 's-0'),
    aSnapshot({ snapshotId: 's-0', pin: { sequence: 1, digest: 'aa' } }),
  );
  assert.equal((await listSnapshotsOfDisk(database.read, 'd-1')).length, 1);
  await database.transact((transaction) => deleteSnapshot(transaction, 's-0'));
  assert.equal(await findSnapshot(database.read, 's-0'), undefined);
});
