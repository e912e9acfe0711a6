import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { DescribeDisksInput } from '../../../../src/api/generated/ecs.ts';
import { updateDisk, type Disk } from '../../../../src/metadata/disks.ts';
import { DescribeDisks } from '../../../../src/services/ecs/actions/DescribeDisks.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, refusal, REGION, TestCloud, ZONE } from '../test-cloud.ts';

type Query = Partial<DescribeDisksInput>;

const describe = (cloud: TestCloud, query: Query = {}, asker = {}) =>
  cloud.call(DescribeDisks(cloud.parts), { RegionId: REGION, ...query }, asker);

async function idsOf(cloud: TestCloud, query: Query, asker = {}): Promise<string[]> {
  const { Disks } = await describe(cloud, query, asker);
  return (Disks?.Disk ?? []).map(({ DiskId }) => DiskId ?? '').sort();
}

test('an available data disk has every documented field, absent texts empty, flags real booleans', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk({
    DiskName: 'data-1',
    Description: 'about it',
    DiskCategory: 'cloud_essd',
    Tag: [{ Key: 'k', Value: 'v' }],
  });
  const { Disks, ...rest } = await describe(cloud, { DiskIds: JSON.stringify([diskId]) });
  assert.deepEqual(rest, { PageNumber: 1, PageSize: 10, TotalCount: 1, NextToken: undefined });
  assert.deepEqual(JSON.parse(JSON.stringify(Disks)), {
    Disk: [
      {
        DiskId: diskId,
        DiskName: 'data-1',
        Description: 'about it',
        RegionId: REGION,
        ZoneId: ZONE,
        Type: 'data',
        Category: 'cloud_essd',
        PerformanceLevel: 'PL1',
        BurstingEnabled: false,
        Size: 20,
        Status: 'Available',
        Encrypted: false,
        KMSKeyId: '',
        InstanceId: '',
        Device: '',
        Attachments: { Attachment: [] },
        MountInstances: { MountInstance: [] },
        MountInstanceNum: 0,
        ImageId: '',
        SourceSnapshotId: '',
        SourceDiskId: '',
        SerialNumber: diskId.slice(2),
        DiskChargeType: 'PostPaid',
        Portable: true,
        DeleteWithInstance: false,
        DeleteAutoSnapshot: true,
        EnableAutoSnapshot: true,
        EnableAutomatedSnapshotPolicy: false,
        AutoSnapshotPolicyId: '',
        CreationTime: '2026-11-23T08:00:00Z',
        AttachedTime: '',
        DetachedTime: '',
        ExpiredTime: '2999-09-08T16:00Z',
        OperationLocks: { OperationLock: [] },
        Tags: { Tag: [{ TagKey: 'k', TagValue: 'v' }] },
        ResourceGroupId: '',
        ProductCode: '',
        BdfId: '',
        StorageSetId: '',
        StorageClusterId: '',
        MultiAttach: 'Disabled',
        IOPS: 0,
        Throughput: 0,
      },
    ],
  });
});

test('M3: the real id of the service key is shown', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  const [disk] = (await describe(cloud)).Disks?.Disk ?? [];
  assert.equal(disk?.Encrypted, true);
  assert.equal(disk.KMSKeyId, (await cloud.disk(diskId)).kmsKeyId);
  assert.match(disk.KMSKeyId ?? '', /^[0-9a-f-]{36}$/);
});

test('M8: KMSKeyId finds the disks of a key; Encrypted=true finds encrypted ones, Encrypted=false filters nothing', async () => {
  await using cloud = await TestCloud.ready();
  const [one, two] = [await cloud.createKey(), await cloud.createKey('Aliyun_SM4')];
  const plain = await cloud.createDisk();
  const first = await cloud.createDisk({ Encrypted: true, KMSKeyId: one });
  const second = await cloud.createDisk({ Encrypted: true, KMSKeyId: two });
  assert.deepEqual(await idsOf(cloud, { KMSKeyId: one }), [first]);
  assert.deepEqual(await idsOf(cloud, { KMSKeyId: two, Encrypted: true }), [second]);
  assert.deepEqual(await idsOf(cloud, { KMSKeyId: 'other' }), []);
  assert.deepEqual(await idsOf(cloud, { Encrypted: true }), [first, second].sort());
  assert.deepEqual(await idsOf(cloud, { Encrypted: false }), [plain, first, second].sort());
});

/** Disk `a` differs from disk `b` in everything that can be asked for. */
const A: Partial<Disk> = {
  type: 'system',
  status: 'In_use',
  instanceId: 'i-1',
  portable: false,
  deleteWithInstance: true,
  deleteAutoSnapshot: false,
  enableAutoSnapshot: false,
  autoSnapshotPolicyId: 'sp-1',
  chargeType: 'PrePaid',
  multiAttach: 'LegacyShared',
  resourceGroupId: 'rg-1',
  sourceSnapshotId: 's-1',
};

const FINDS_A: readonly Query[] = [
  { ZoneId: 'cn-hangzhou-h' },
  { InstanceId: 'i-1' },
  { DiskType: 'system' },
  { Category: 'cloud_ssd' },
  { Status: 'In_use' },
  { SnapshotId: 's-1' },
  { Portable: false },
  { DeleteWithInstance: true },
  { DeleteAutoSnapshot: false },
  { DiskName: 'disk-a' },
  { AutoSnapshotPolicyId: 'sp-1' },
  { EnableAutoSnapshot: false },
  { EnableAutomatedSnapshotPolicy: true },
  { DiskChargeType: 'PrePaid' },
  { Filter: [{ Key: 'CreationStartTime', Value: '2026-11-23T09:00Z' }] },
  { ResourceGroupId: 'rg-1' },
  { EnableShared: true },
  { MultiAttach: 'LegacyShared' },
  { Tag: [{ Key: 'owner', Value: 'a' }] },
  { Tag: [{ Key: 'owner' }, { Key: 'only-a' }] },
  { DiskName: 'disk-a', Category: 'cloud_ssd', Status: 'In_use', DiskType: 'system' },
];

const FINDS_BOTH: readonly Query[] = [
  {},
  { Status: 'All' },
  { Category: 'all' },
  { DiskType: 'all' },
  { Tag: [{ Key: 'owner' }] },
  { DiskIds: '' },
  { EnableShared: false },
  { Filter: [{ Key: 'CreationEndTime', Value: '2026-11-23T10:00:00Z' }] },
];

const FINDS_NONE: readonly Query[] = [
  { DiskIds: '[]' },
  { DiskIds: '["d-bp1zzzzzzzzzzzzzzzzz"]' },
  { LockReason: 'security' },
  { Status: 'Attaching' },
  { Category: 'local_ssd_pro' },
  { DiskName: 'disk-a', Category: 'cloud' },
  { Tag: [{ Key: 'owner', Value: 'c' }] },
];

test('every filter, alone and together', async (t) => {
  await using cloud = await TestCloud.open();
  const b = await cloud.createDisk({ DiskName: 'disk-b', Tag: [{ Key: 'owner', Value: 'b' }] });
  cloud.clock.now += 2 * 60 * 60 * 1000;
  const a = await cloud.createDisk({
    DiskName: 'disk-a',
    DiskCategory: 'cloud_ssd',
    ZoneId: 'cn-hangzhou-h',
    Tag: [
      { Key: 'owner', Value: 'a' },
      { Key: 'only-a', Value: '' },
    ],
  });
  await cloud.database.transact((transaction) => updateDisk(transaction, a, A));
  for (const [queries, expected] of [
    [FINDS_A, [a]],
    [FINDS_BOTH, [a, b].sort()],
    [FINDS_NONE, []],
  ] as const) {
    for (const query of queries) {
      await t.test(`${JSON.stringify(query)} finds ${expected.length}`, async () => {
        assert.deepEqual(await idsOf(cloud, query), expected);
      });
    }
  }
  await t.test('an attached disk names its instance', async () => {
    const [disk] = (await describe(cloud, { DiskName: 'disk-a' })).Disks?.Disk ?? [];
    assert.deepEqual(disk?.Attachments, { Attachment: [{ InstanceId: 'i-1', Device: '', AttachedTime: '' }] });
  });
});

const REFUSED: readonly (readonly [query: Query, code: string, httpStatus: number])[] = [
  [{ Status: 'Gone' }, 'InvalidStatus.ValueNotSupported', 400],
  [{ Status: 'Deleting' }, 'InvalidStatus.ValueNotSupported', 400],
  [{ DiskType: 'x' }, 'InvalidDiskType.ValueNotSupported', 400],
  [{ Category: 'x' }, 'InvalidCategory.ValueNotSupported', 400],
  [{ DiskIds: 'd-1' }, 'InvalidParameter.DiskIds', 400],
  [{ DiskIds: '{"a":1}' }, 'InvalidParameter.DiskIds', 400],
  [{ DiskIds: '[1]' }, 'InvalidParameter.DiskIds', 400],
  [{ DiskIds: JSON.stringify(Array.from({ length: 101 }, () => 'd-1')) }, 'InvalidDiskIds.Malformed', 400],
  [{ ZoneId: 'cn-beijing-a' }, 'InvalidZoneId.NotFound', 400],
  [{ RegionId: 'mars-1' }, 'InvalidRegion.NotFound', 400],
  [{ DiskChargeType: 'Free' }, 'InvalidDiskChargeType.NotFound', 404],
  [{ LockReason: 'x' }, 'InvalidLockReason.NotFound', 404],
  [{ MultiAttach: 'x' }, 'InvalidParameter.MultiAttach', 403],
  [{ MultiAttach: 'Enabled', EnableShared: true }, 'InvalidParameter.MultiAttachAndEnableSharedNotMatch', 403],
  [{ Filter: [{ Key: 'x', Value: '2026-11-23T10:00Z' }] }, 'InvalidFilterKey.NotFound', 404],
  [{ Filter: [{ Key: 'CreationStartTime', Value: 'yesterday' }] }, 'InvalidFilterValue', 404],
  [{ Filter: [{ Key: 'CreationStartTime', Value: '2026-13-45T10:00Z' }] }, 'InvalidFilterValue', 404],
  [{ Tag: [{ Value: 'x' }] }, 'InvalidTag.Mismatch', 400],
  [{ Tag: Array.from({ length: 21 }, (_, n) => ({ Key: `k${n}` })) }, 'InvalidTagCount', 400],
  [{ PageSize: 101 }, 'InvalidParameter', 400],
  [{ PageSize: 0 }, 'InvalidParameter', 400],
  [{ PageNumber: 0 }, 'InvalidParameter', 400],
  [{ NextToken: 'nonsense' }, 'InvalidParameter', 400],
  [{ AdditionalAttributes: ['Colour'] }, 'UnsupportedParameter', 400],
  [{ DryRun: true }, 'DryRunOperation', 400],
  [{ DryRun: true, Status: 'Gone' }, 'InvalidStatus.ValueNotSupported', 400],
];

test('bad queries answer their documented codes', async (t) => {
  await using cloud = await TestCloud.open();
  for (const [query, code, httpStatus] of REFUSED) {
    await t.test(`${JSON.stringify(query).slice(0, 80)}: ${code}`, async () => {
      await refusal(describe(cloud, query), code, httpStatus);
    });
  }
});

test('disks of other accounts and regions are not there', async () => {
  await using cloud = await TestCloud.open();
  const mine = await cloud.createDisk();
  const theirs = await cloud.createDisk({}, { account: OTHER_ACCOUNT });
  const elsewhere = await cloud.createDisk({ RegionId: OTHER_REGION, ZoneId: 'cn-beijing-b' });
  const all = { DiskIds: JSON.stringify([mine, theirs, elsewhere, 'd-unknown']) };
  assert.deepEqual(await idsOf(cloud, all), [mine]);
  assert.deepEqual(await idsOf(cloud, all, { account: OTHER_ACCOUNT }), [theirs]);
  assert.deepEqual(await idsOf(cloud, { ...all, RegionId: OTHER_REGION }), [elsewhere]);
});

test('pages by number cover everything once, newest first, with the true total', async () => {
  await using cloud = await TestCloud.open();
  const made: string[] = [];
  for (let n = 0; n < 25; n++) {
    cloud.clock.now += 1000;
    made.unshift(await cloud.createDisk());
  }
  const seen: (string | undefined)[] = [];
  for (const PageNumber of [1, 2, 3, 4]) {
    const page = await describe(cloud, { PageNumber });
    assert.equal(page.TotalCount, 25);
    assert.equal(page.PageNumber, PageNumber);
    assert.equal(page.PageSize, 10);
    seen.push(...(page.Disks?.Disk ?? []).map(({ DiskId }) => DiskId));
  }
  assert.deepEqual(seen, made);
  assert.equal((await describe(cloud, { PageSize: 100 })).Disks?.Disk.length, 25);
});

test('pages by token cover everything once even while disks come; a token fits one region and account', async () => {
  await using cloud = await TestCloud.open();
  const made: string[] = [];
  for (let n = 0; n < 25; n++) {
    cloud.clock.now += n % 3 === 0 ? 1000 : 0;
    made.push(await cloud.createDisk());
  }
  const seen: (string | undefined)[] = [];
  let page = await describe(cloud, { MaxResults: 2 });
  assert.equal(page.Disks?.Disk.length, 10, 'fewer than 10 means 10');
  const firstToken = page.NextToken ?? '';
  for (;;) {
    assert.equal(page.TotalCount, seen.length === 0 ? 25 : 26);
    seen.push(...(page.Disks?.Disk ?? []).map(({ DiskId }) => DiskId));
    if (seen.length === 10) {
      cloud.clock.now += 1000;
      await cloud.createDisk();
    }
    const token: string = page.NextToken ?? '';
    if (token === '') break;
    page = await describe(cloud, { NextToken: token });
  }
  assert.equal(seen.length, made.length);
  assert.deepEqual(new Set(seen), new Set(made));
  await refusal(describe(cloud, { NextToken: firstToken, RegionId: OTHER_REGION }), 'InvalidParameter', 400);
  await refusal(describe(cloud, { NextToken: firstToken }, { account: OTHER_ACCOUNT }), 'InvalidParameter', 400);
});

test('the placement of a regional disk is told when asked for', async () => {
  await using cloud = await TestCloud.open();
  await cloud.createDisk({ DiskCategory: 'cloud_regional_disk_auto', ZoneId: undefined as never });
  const [disk] = (await describe(cloud, { AdditionalAttributes: ['Placement'] })).Disks?.Disk ?? [];
  assert.match(disk?.Placement?.ZoneIds ?? '', /^cn-hangzhou-b,/);
});

test('permission: DescribeDisks on the disks of the region', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await DescribeDisks(cloud.parts).access(cloud.callOf({ RegionId: REGION })), [
    { action: 'ecs:DescribeDisks', resource: `acs:ecs:${REGION}:${ACCOUNT}:disk/*` },
  ]);
});
