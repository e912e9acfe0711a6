import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAccount } from '../../src/metadata/accounts.ts';
import { deleteDisk, findDisk, insertDisk, listDisksOfKey, updateDisk } from '../../src/metadata/disks.ts';
import type { Disk } from '../../src/metadata/disks.ts';
import { listDisks } from '../../src/metadata/list-disks.ts';
import type { DiskFilter } from '../../src/metadata/list-disks.ts';
import type { Cursor } from '../../src/metadata/page.ts';
import { ACCOUNT, REGION, aDisk, openTestDatabase } from './support.ts';

const ALL = { kind: 'offset', offset: 0, limit: 100 } as const;

async function withDisks(list: readonly Partial<Disk>[]) {
  const opened = await openTestDatabase();
  await opened.database.transact(async (transaction) => {
    for (const accountId of [ACCOUNT, '2222222222222222']) {
      await insertAccount(transaction, { accountId, regionId: REGION, createdMs: 1 });
    }
    for (const [index, changes] of list.entries()) {
      await insertDisk(transaction, aDisk({ diskId: `d-${index}`, createdMs: 1_000 + index, ...changes }));
    }
  });
  return opened;
}

test('each filter keeps the matching disk and drops the other', async () => {
  const other: Partial<Disk> = {
    zoneId: 'cn-hangzhou-c',
    name: 'DATA',
    type: 'system',
    category: 'cloud_ssd',
    status: 'In_use',
    encrypted: false,
    kmsKeyId: null,
    sourceSnapshotId: null,
    deleteAutoSnapshot: false,
    deleteWithInstance: false,
    enableAutoSnapshot: true,
    autoSnapshotPolicyId: null,
    portable: false,
    chargeType: 'PrePaid',
    multiAttach: 'Enabled',
    resourceGroupId: null,
    instanceId: null,
    tags: [{ key: 'env', value: 'other' }],
    createdMs: 9_000,
  };
  await using opened = await withDisks([{}, other]);
  const filters: readonly Partial<DiskFilter>[] = [
    { zoneId: 'cn-hangzhou-b' },
    { diskIds: ['d-0', 'd-absent'] },
    { instanceId: 'i-1' },
    { type: 'data' },
    { category: 'cloud_essd' },
    { status: 'Available' },
    { sourceSnapshotId: 's-1' },
    { portable: true },
    { deleteWithInstance: true },
    { deleteAutoSnapshot: true },
    { enableAutoSnapshot: false },
    { enableAutomatedSnapshotPolicy: true },
    { autoSnapshotPolicyId: 'sp-1' },
    { name: 'data' },
    { chargeType: 'PostPaid' },
    { multiAttach: 'Disabled' },
    { resourceGroupId: 'rg-1' },
    { encrypted: true },
    { kmsKeyId: 'key-1' },
    { createdToMs: 1_000 },
    { tags: [{ key: 'env', value: 'test' }] },
    { tags: [{ key: 'env' }, { key: 'env', value: 'test' }] },
  ];
  const ids = async (filter: Partial<DiskFilter>) => {
    const listed = await listDisks(opened.database.read, { accountId: ACCOUNT, regionId: REGION, ...filter }, ALL);
    assert.equal(listed.totalCount, listed.rows.length);
    return listed.rows.map((disk) => disk.diskId);
  };
  for (const filter of filters) assert.deepEqual(await ids(filter), ['d-0'], JSON.stringify(filter));
  assert.deepEqual(await ids({ createdFromMs: 1_001 }), ['d-1']);
  assert.deepEqual(await ids({ enableAutomatedSnapshotPolicy: false }), ['d-1']);
  assert.deepEqual(await ids({ encrypted: false }), ['d-1', 'd-0']);
  assert.deepEqual(await ids({ diskIds: [] }), []);
  assert.deepEqual(await ids({ tags: [{ key: 'ENV' }] }), []);
  assert.deepEqual(await ids({ type: 'data', category: 'cloud_ssd' }), []);
});

test('disks of other accounts and regions, and those being deleted, are not listed', async () => {
  await using opened = await withDisks([
    { accountId: '2222222222222222' },
    { regionId: 'cn-beijing' },
    { status: 'Deleting' },
  ]);
  const listed = await listDisks(opened.database.read, { accountId: ACCOUNT, regionId: REGION }, ALL);
  assert.deepEqual(listed, { rows: [], totalCount: 0 });
});

test('page numbers and cursors both show every disk once, newest first', async () => {
  // Three disks share each millisecond, so that the order within it matters.
  const list = Array.from({ length: 25 }, (_, index) => ({ createdMs: 1_000 + Math.floor(index / 3) }));
  await using opened = await withDisks(list);
  const scope = { accountId: ACCOUNT, regionId: REGION };
  const byNumber: string[] = [];
  for (let offset = 0; offset < 30; offset += 10) {
    const listed = await listDisks(opened.database.read, scope, { kind: 'offset', offset, limit: 10 });
    assert.equal(listed.totalCount, 25);
    byNumber.push(...listed.rows.map((disk) => disk.diskId));
  }
  const byCursor: string[] = [];
  let after: Cursor | undefined;
  do {
    const listed = await listDisks(opened.database.read, scope, { kind: 'cursor', after, limit: 10 });
    assert.equal(listed.totalCount, 25);
    byCursor.push(...listed.rows.map((disk) => disk.diskId));
    after = listed.next;
  } while (after !== undefined);
  assert.equal(new Set(byNumber).size, 25);
  assert.deepEqual(byCursor, byNumber);
});

test('a cursor skips nothing when disks come and go between pages', async () => {
  await using opened = await withDisks(Array.from({ length: 6 }, () => ({})));
  const { database } = opened;
  const scope = { accountId: ACCOUNT, regionId: REGION };
  const first = await listDisks(database.read, scope, { kind: 'cursor', limit: 3 });
  await database.transact(async (transaction) => {
    await insertDisk(transaction, aDisk({ diskId: 'd-new', createdMs: 5_000 }));
    await deleteDisk(transaction, 'd-4');
  });
  const second = await listDisks(database.read, scope, { kind: 'cursor', after: first.next, limit: 3 });
  assert.deepEqual(
    [...first.rows, ...second.rows].map((disk) => disk.diskId),
    ['d-5', 'd-4', 'd-3', 'd-2', 'd-1', 'd-0'],
  );
  assert.equal(second.next, undefined);
});

test('changed tags are found by their new values only', async () => {
  await using opened = await withDisks([{}]);
  const { database } = opened;
  await database.transact((transaction) =>
    updateDisk(transaction, 'd-0', { tags: [{ key: 'team', value: 'blue' }], status: 'In_use' }),
  );
  const count = async (key: string) =>
    (await listDisks(database.read, { accountId: ACCOUNT, regionId: REGION, tags: [{ key }] }, ALL)).totalCount;
  assert.equal(await count('env'), 0);
  assert.equal(await count('team'), 1);
  const disk = await findDisk(database.read, 'd-0');
  assert.deepEqual(disk, aDisk({ diskId: 'd-0', tags: [{ key: 'team', value: 'blue' }], status: 'In_use' }));
  assert.equal((await listDisksOfKey(database.read, 'key-1')).length, 1);
});

test('a page out of many disks is found through an index', async () => {
  await using opened = await withDisks([]);
  const { database } = opened;
  const { sql } = await import('kysely');
  const plan = async (text: string) =>
    (await sql.raw<{ detail: string }>(`explain query plan ${text}`).execute(database.read.queries)).rows
      .map((row) => row.detail)
      .join('; ');
  const list = `select * from disks as rows where account_id = 'a' and region_id = 'r' and status != 'Deleting'`;
  const paged = await plan(`${list} order by created_ms desc, disk_id desc limit 11`);
  assert.match(paged, /USING INDEX disks_by_account_id_region_id_created_ms_disk_id_status/);
  assert.doesNotMatch(paged, /TEMP B-TREE/);
  const counted = list.replace('*', 'count(*)');
  assert.match(await plan(counted), /USING COVERING INDEX/);
  assert.match(await plan(`${counted} and kms_key_id = 'k'`), /account_id_region_id_kms_key_id/);
  assert.match(await plan(`select * from disks where kms_key_id = 'k'`), /USING INDEX disks_by_kms_key_id/);
  assert.match(await plan(`select * from disks where source_snapshot_id = 's'`), /USING INDEX/);
});
