import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { DescribeSnapshotsInput } from '../../../../src/api/generated/ecs.ts';
import { insertSnapshot, updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { DescribeSnapshots } from '../../../../src/services/ecs/actions/DescribeSnapshots.ts';
import { putImage } from '../images/image-rows.ts';
import { OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud } from '../test-cloud.ts';

type Query = Partial<DescribeSnapshotsInput>;

const describe = (cloud: TestCloud, query: Query = {}, asker = {}) =>
  cloud.call(DescribeSnapshots(cloud.parts), { RegionId: REGION, ...query }, asker);

async function idsOf(cloud: TestCloud, query: Query, asker = {}): Promise<string[]> {
  const { Snapshots } = await describe(cloud, query, asker);
  return (Snapshots?.Snapshot ?? []).map(({ SnapshotId }) => SnapshotId ?? '').sort();
}

async function snapshotted(cloud: TestCloud, disk = {}, snapshot = {}, asker = {}) {
  const diskId = await cloud.createDisk(disk, asker);
  await cloud.useDisk(diskId, 'x', (asker as { account?: string }).account);
  return { diskId, snapshotId: await cloud.createSnapshot(diskId, snapshot, asker) };
}

test('M18: a snapshot has every documented field and shows its encryption and key', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { diskId, snapshotId } = await snapshotted(
    cloud,
    { Encrypted: true, KMSKeyId: keyId },
    { SnapshotName: 'name', Description: 'about', RetentionDays: 7, Tag: [{ Key: 'k', Value: 'v' }] },
  );
  const { Snapshots, ...rest } = await describe(cloud, { SnapshotIds: JSON.stringify([snapshotId]) });
  assert.deepEqual(rest, { PageNumber: 1, PageSize: 10, TotalCount: 1, NextToken: undefined });
  assert.deepEqual(Snapshots?.Snapshot, [
    {
      SnapshotId: snapshotId,
      SnapshotName: 'name',
      Description: 'about',
      RegionId: REGION,
      Status: 'accomplished',
      Progress: '100%',
      RemainTime: 0,
      Available: true,
      Encrypted: true,
      KMSKeyId: keyId,
      SourceDiskId: diskId,
      SourceDiskType: 'data',
      SourceDiskSize: '20',
      SourceStorageType: 'disk',
      SourceRegionId: '',
      SourceSnapshotId: '',
      SnapshotType: 'user',
      SnapshotLinkId: `sl-${diskId.slice(2)}`,
      SnapshotSN: '',
      Category: 'standard',
      Usage: 'none',
      InstantAccess: false,
      RetentionDays: 7,
      CreationTime: '2026-11-23T08:00:00Z',
      LastModifiedTime: '2026-11-23T08:00:00Z',
      ProductCode: '',
      ResourceGroupId: '',
      Tags: { Tag: [{ TagKey: 'k', TagValue: 'v' }] },
    },
  ]);
});

test('every filter, alone and together', async (t) => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const b = await snapshotted(cloud, {}, { SnapshotName: 'name-b', Tag: [{ Key: 'owner', Value: 'b' }] });
  cloud.clock.now += 2 * 60 * 60 * 1000;
  const a = await snapshotted(
    cloud,
    { Encrypted: true, KMSKeyId: keyId },
    { SnapshotName: 'name-a', Tag: [{ Key: 'owner', Value: 'a' }] },
  );
  await cloud.createDisk({ SnapshotId: a.snapshotId });
  await cloud.database.transact((transaction) =>
    updateSnapshot(transaction, a.snapshotId, {
      type: 'auto',
      status: 'failed',
      category: 'flash',
      sourceDiskType: 'system',
      sourceInstanceId: 'i-1',
      resourceGroupId: 'rg-1',
    }),
  );
  const findsA: readonly Query[] = [
    { DiskId: a.diskId },
    { SnapshotLinkId: `sl-${a.diskId.slice(2)}` },
    { InstanceId: 'i-1' },
    { SnapshotIds: JSON.stringify([a.snapshotId, 's-unknown']) },
    { SnapshotName: 'name-a' },
    { Status: 'failed' },
    { SnapshotType: 'auto' },
    { Category: 'Flash' },
    { SourceDiskType: 'System' },
    { Usage: 'disk' },
    { Encrypted: true },
    { KMSKeyId: keyId },
    { ResourceGroupId: 'rg-1' },
    { Tag: [{ Key: 'owner', Value: 'a' }] },
    { Filter: [{ Key: 'CreationStartTime', Value: '2026-11-23T09:00Z' }] },
    { SnapshotName: 'name-a', Encrypted: true, DiskId: a.diskId },
  ];
  const findsBoth: readonly Query[] = [
    {},
    { Status: 'all' },
    { SnapshotType: 'all' },
    { Encrypted: false },
    { Tag: [{ Key: 'owner' }] },
  ];
  const findsNone: readonly Query[] = [
    { SnapshotIds: '[]' },
    { Usage: 'image' },
    { Usage: 'image_disk' },
    { Category: 'archive' },
    { Status: 'progressing' },
    { DiskId: b.diskId, SnapshotLinkId: `sl-${a.diskId.slice(2)}` },
  ];
  const both = [a.snapshotId, b.snapshotId].sort();
  for (const [queries, expected] of [
    [findsA, [a.snapshotId]],
    [findsBoth, both],
    [findsNone, []],
    [[{ Usage: 'none' }], [b.snapshotId]],
  ] as const) {
    for (const query of queries) {
      await t.test(`${JSON.stringify(query)} finds ${expected.length}`, async () => {
        assert.deepEqual(await idsOf(cloud, query), expected);
      });
    }
  }
  await t.test('Usage tells that a disk was made', async () => {
    const [snapshot] = (await describe(cloud, { SnapshotName: 'name-a' })).Snapshots?.Snapshot ?? [];
    assert.equal(snapshot?.Usage, 'disk');
    assert.equal(snapshot.Available, false);
  });
});

const REFUSED: readonly (readonly [query: Query, code: string, httpStatus: number])[] = [
  [{ SnapshotIds: 's-1' }, 'InvalidSnapshotIds.Malformed', 403],
  [{ SnapshotIds: JSON.stringify(Array.from({ length: 101 }, () => 's')) }, 'InvalidSnapshotIds.Malformed', 400],
  [{ Status: 'gone' }, 'InvalidStatus.NotFound', 404],
  [{ SnapshotType: 'x' }, 'InvalidSnapshotType.NotFound', 404],
  [{ SourceDiskType: 'x' }, 'InvalidSourceDiskType', 404],
  [{ Usage: 'x' }, 'InvalidUsage', 404],
  [{ Category: 'x' }, 'InvalidSnapshotCategory.Malformed', 403],
  [{ SnapshotLinkId: 'x' }, 'InvalidSnapshotLinkId.NotFound', 404],
  [{ Filter: [{ Key: 'x', Value: 'x' }] }, 'InvalidFilterKey.NotFound', 404],
  [{ Tag: [{ Value: 'x' }] }, 'InvalidTag.Mismatch', 400],
  [{ MaxResults: 101 }, 'InvalidParameter', 400],
  [{ MaxResults: 0 }, 'InvalidParameter', 400],
  [{ PageSize: 101 }, 'InvalidParameter', 400],
  [{ RegionId: 'mars-1' }, 'InvalidRegionId.NotFound', 404],
  [{ DryRun: true }, 'DryRunOperation', 400],
];

test('bad queries answer their documented codes', async (t) => {
  await using cloud = await TestCloud.open();
  for (const [query, code, httpStatus] of REFUSED) {
    await t.test(`${JSON.stringify(query).slice(0, 80)}: ${code}`, async () => {
      await refusal(describe(cloud, query), code, httpStatus);
    });
  }
});

test('snapshots of other accounts and regions are not there', async () => {
  await using cloud = await TestCloud.open();
  const mine = await snapshotted(cloud);
  const theirs = await snapshotted(cloud, {}, {}, { account: OTHER_ACCOUNT });
  const elsewhere = await snapshotted(cloud, { RegionId: OTHER_REGION, ZoneId: 'cn-beijing-a' });
  const all = { SnapshotIds: JSON.stringify([mine.snapshotId, theirs.snapshotId, elsewhere.snapshotId]) };
  assert.deepEqual(await idsOf(cloud, all), [mine.snapshotId]);
  assert.deepEqual(await idsOf(cloud, all, { account: OTHER_ACCOUNT }), [theirs.snapshotId]);
  assert.deepEqual(await idsOf(cloud, { ...all, RegionId: OTHER_REGION }), [elsewhere.snapshotId]);
});

test('both ways of paging cover everything once', async () => {
  await using cloud = await TestCloud.open();
  const { snapshotId } = await snapshotted(cloud);
  const first = await cloud.snapshot(snapshotId);
  const all = [snapshotId];
  await cloud.database.transact(async (transaction) => {
    for (let n = 1; n < 25; n++) {
      const copy = {
        ...first,
        snapshotId: `s-bp1${String(n).padStart(17, '0')}`,
        createdMs: first.createdMs + (n % 4),
      };
      await insertSnapshot(transaction, copy);
      all.push(copy.snapshotId);
    }
  });
  const byNumber: (string | undefined)[] = [];
  for (const PageNumber of [1, 2, 3]) byNumber.push(...(await idsOf(cloud, { PageNumber, PageSize: 10 })));
  assert.equal(byNumber.length, all.length);
  assert.deepEqual(new Set(byNumber), new Set(all));
  const byToken: (string | undefined)[] = [];
  for (let NextToken: string | undefined; ;) {
    const page = await describe(cloud, { MaxResults: 7, ...(NextToken === undefined ? {} : { NextToken }) });
    assert.equal(page.TotalCount, 25);
    byToken.push(...(page.Snapshots?.Snapshot ?? []).map(({ SnapshotId }) => SnapshotId));
    if (page.NextToken === '') break;
    NextToken = page.NextToken;
  }
  assert.equal(byToken.length, all.length);
  assert.deepEqual(new Set(byToken), new Set(all));
});

test('what was made of a snapshot is told and asked for: disks, images, both, or nothing', async () => {
  await using cloud = await TestCloud.ready();
  const { diskId, snapshotId: nothing } = await snapshotted(cloud);
  const [disk, image, both] = [
    await cloud.createSnapshot(diskId),
    await cloud.createSnapshot(diskId),
    await cloud.createSnapshot(diskId),
  ];
  for (const SnapshotId of [disk, both]) await cloud.createDisk({ SnapshotId });
  for (const [index, snapshotId] of [image, both].entries())
    await putImage(cloud, {
      imageId: `m-bp100000000000000001${index}`,
      devices: [{ device: '/dev/xvda', type: 'system', snapshotId, sizeGib: 20 }],
    });
  for (const [Usage, snapshotId] of Object.entries({ none: nothing, disk, image, image_disk: both })) {
    assert.deepEqual(await idsOf(cloud, { Usage }), [snapshotId]);
    const { Snapshots } = await describe(cloud, { SnapshotIds: JSON.stringify([snapshotId]) });
    assert.equal(Snapshots?.Snapshot[0]?.Usage, Usage);
  }
});
