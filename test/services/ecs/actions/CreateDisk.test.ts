import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CreateDiskInput } from '../../../../src/api/generated/ecs.ts';
import { SystemError } from '../../../../src/base/errors.ts';
import { GiB } from '../../../../src/base/units.ts';
import { updateKey, findKey } from '../../../../src/metadata/keys.ts';
import { findDiskRotation } from '../../../../src/metadata/disk-rotations.ts';
import { findSnapshot, updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { CreateDisk } from '../../../../src/services/ecs/actions/CreateDisk.ts';
import { SERVICE_KEY_ALIAS } from '../../../../src/kms/service-key.ts';
import { ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, TestCloud, ZONE } from '../test-cloud.ts';

type Input = Partial<CreateDiskInput>;

test('a disk without encryption is made whole: row, files, pin', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk({ DiskName: '数据-1', Description: 'first', Tag: [{ Key: 'k', Value: 'v' }] });
  assert.match(diskId, /^d-bp1[a-z0-9]{17}$/);
  const disk = await cloud.disk(diskId);
  assert.equal(disk.status, 'Available');
  assert.equal(disk.name, '数据-1');
  assert.equal(disk.category, 'cloud');
  assert.equal(disk.encrypted, false);
  assert.equal(disk.kmsKeyId, null);
  assert.equal(disk.wrappedBy, 'root');
  assert.deepEqual(disk.tags, [{ key: 'k', value: 'v' }]);
  assert.equal(disk.pin?.sequence, 1);
  const identity = cloud.plane.identity(diskId);
  assert.equal(identity.sizeBytes, 20 * GiB);
  assert.equal(identity.encrypted, false);
  assert.deepEqual(identity.wrappedKey, disk.wrappedKey);
});

test('M3: without KMSKeyId the service key encrypts; it is made on first use and its real id is stored', async () => {
  await using cloud = await TestCloud.open();
  await cloud.openKms();
  const diskId = await cloud.createDisk({ Encrypted: true });
  const disk = await cloud.disk(diskId);
  const key = await cloud.kms.keys.find({ accountId: ACCOUNT, regionId: REGION }, SERVICE_KEY_ALIAS, {
    alias: 'allowed',
  });
  assert.equal(disk.kmsKeyId, key.keyId);
  assert.equal(disk.suite, 'aes-256-gcm');
  assert.equal(disk.wrappedBy, 'kms');
  assert.equal(cloud.plane.identity(diskId).encrypted, true);
});

test('M3 M6: KMSKeyId names the key, by id or by ARN; the key id is stored', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  for (const KMSKeyId of [keyId, `acs:kms:${REGION}:${ACCOUNT}:key/${keyId}`]) {
    const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId });
    assert.equal((await cloud.disk(diskId)).kmsKeyId, keyId);
  }
  const tagged = await cloud.kms.keys.find({ accountId: ACCOUNT, regionId: REGION }, keyId, { alias: 'refused' });
  assert.ok(tagged.tags.some((tag) => tag.key === 'acs:ecs:disk-encryption' && tag.value === 'true'));
});

test('M4: each disk has a data key of its own, and only its wrapped form is stored', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const [first, second] = [
    await cloud.createDisk({ Encrypted: true, KMSKeyId: keyId }),
    await cloud.createDisk({ Encrypted: true, KMSKeyId: keyId }),
  ];
  const rows = [await cloud.disk(first), await cloud.disk(second)];
  assert.notDeepEqual(rows[0]?.wrappedKey, rows[1]?.wrappedKey);
  const open = async (row: (typeof rows)[number] | undefined, diskId: string) =>
    cloud.kms.diskKeys.open({
      accountId: ACCOUNT,
      regionId: REGION,
      diskId,
      kmsKeyId: keyId,
      suite: 'aes-256-gcm',
      wrapped: row?.wrappedKey ?? new Uint8Array(),
    });
  assert.notDeepEqual(await open(rows[0], first), await open(rows[1], second));
  await assert.rejects(open(rows[0], second), 'the wrapped key of one disk does not open as that of another');
});

test('M5: concurrent first uses of encryption share one service key', async () => {
  await using cloud = await TestCloud.open();
  await cloud.openKms();
  const diskIds = await Promise.all(Array.from({ length: 12 }, () => cloud.createDisk({ Encrypted: true })));
  const keyIds = new Set(await Promise.all(diskIds.map(async (diskId) => (await cloud.disk(diskId)).kmsKeyId)));
  assert.equal(keyIds.size, 1);
  const { totalCount } = await cloud.kms.keys.list({ accountId: ACCOUNT, regionId: REGION }, { offset: 0, limit: 10 });
  assert.equal(totalCount, 1);
});

test('M7: an SM4 key makes a disk that is encrypted with SM4', async () => {
  await using cloud = await TestCloud.ready();
  const KMSKeyId = await cloud.createKey('Aliyun_SM4');
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId, EncryptAlgorithm: 'SM4-128' });
  assert.equal((await cloud.disk(diskId)).suite, 'sm4-gcm');
  assert.equal(cloud.plane.suite(diskId), 'sm4-gcm');
});

for (const spec of ['Aliyun_AES_128', 'RSA_2048'] as const) {
  test(`M7: a key of type ${spec} is refused`, async () => {
    await using cloud = await TestCloud.ready();
    const KMSKeyId = await cloud.createKey(spec);
    await cloud.refuses(() => cloud.createDisk({ Encrypted: true, KMSKeyId }), 'InvalidKMSKeyId.NotSymmetric', 400);
  });
}

test('M2: where KMS is not open, nothing encrypted is made', async () => {
  await using cloud = await TestCloud.open();
  await cloud.allowDiskRole();
  for (const more of [{}, { KMSKeyId: '0e478b7a-4262-4802-b8cb-00d3fb408260' }]) {
    await cloud.refuses(() => cloud.createDisk({ Encrypted: true, ...more }), 'InvalidParameter.KmsNotEnabled', 400);
  }
  await cloud.createDisk();
});

test('M6: an own key is refused before the role exists, with a wrong trust, and with too small a policy', async () => {
  await using cloud = await TestCloud.open();
  await cloud.openKms();
  const KMSKeyId = await cloud.createKey();
  const attempt = () => cloud.createDisk({ Encrypted: true, KMSKeyId });
  const refused = (code = 'KMSUnauthorized') => cloud.refuses(attempt, `InvalidParameter.KMSKeyId.${code}`, 403);
  await refused();
  await cloud.allowDiskRole({ service: 'rds.aliyuncs.com' });
  await refused();
  await cloud.removeDiskRole();
  await cloud.allowDiskRole({ kmsActions: ['kms:DescribeKey', 'kms:TagResource'] });
  await refused();
  await cloud.removeDiskRole();
  await cloud.allowDiskRole();
  await attempt();
});

test('M6: the conditions of the role’s policies are asked about the time and the tags of the key', async () => {
  await using cloud = await TestCloud.ready();
  const [KMSKeyId, other] = [await cloud.createKey(), await cloud.createKey()];
  await cloud.kms.keys.tag({ accountId: ACCOUNT, regionId: REGION }, KMSKeyId, { key: 'stage', value: 'retired' });
  await cloud.addToDiskRole('no-retired-keys', {
    Effect: 'Deny',
    Action: 'kms:GenerateDataKey',
    Resource: '*',
    Condition: { StringEquals: { 'kms:tag/stage': 'retired' } },
  });
  await cloud.refuses(
    () => cloud.createDisk({ Encrypted: true, KMSKeyId }),
    'InvalidParameter.KMSKeyId.KMSUnauthorized',
    403,
  );
  await cloud.createDisk({ Encrypted: true, KMSKeyId: other });
  const until = new Date(cloud.clock.now + 60_000).toISOString().replace('.000Z', 'Z');
  await cloud.addToDiskRole('for-a-minute', {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { DateGreaterThan: { 'acs:CurrentTime': until } },
  });
  await cloud.createDisk({ Encrypted: true, KMSKeyId: other });
  cloud.clock.now += 120_000;
  await cloud.refuses(
    () => cloud.createDisk({ Encrypted: true, KMSKeyId: other }),
    'InvalidParameter.KMSKeyId.KMSUnauthorized',
    403,
  );
});

test('M10: a key that is disabled, waits for its deletion, or is gone', async () => {
  await using cloud = await TestCloud.ready();
  const KMSKeyId = await cloud.createKey();
  const attempt = () => cloud.createDisk({ Encrypted: true, KMSKeyId });
  await attempt();
  await cloud.disableKey(KMSKeyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.enableKey(KMSKeyId);
  await attempt();
  await cloud.scheduleKeyDeletion(KMSKeyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.kms.keys.cancelDeletion({ accountId: ACCOUNT, regionId: REGION }, KMSKeyId);
  await cloud.destroyKey(KMSKeyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.NotFound', 404);
});

test('keys of other accounts and regions, aliases and unknown ids look the same: not found', async () => {
  await using cloud = await TestCloud.ready();
  await cloud.openKms({ account: OTHER_ACCOUNT });
  await cloud.openKms({ region: OTHER_REGION });
  const own = await cloud.createKey();
  const foreign = await cloud.createKey('Aliyun_AES_256', { account: OTHER_ACCOUNT });
  const elsewhere = await cloud.createKey('Aliyun_AES_256', { region: OTHER_REGION });
  const scope = { accountId: ACCOUNT, regionId: REGION };
  await cloud.kms.aliases.create(scope, 'alias/mine', own);
  const references = [
    foreign,
    elsewhere,
    '0e478b7a-4262-4802-b8cb-00d3fb408260',
    'alias/mine',
    SERVICE_KEY_ALIAS,
    `acs:kms:${REGION}:${OTHER_ACCOUNT}:key/${foreign}`,
    `acs:kms:${OTHER_REGION}:${ACCOUNT}:key/${elsewhere}`,
    `acs:kms:${REGION}:${OTHER_ACCOUNT}:key/${own}`,
  ];
  const messages = new Set<string>();
  for (const KMSKeyId of references) {
    const error = await cloud.refuses(
      () => cloud.createDisk({ Encrypted: true, KMSKeyId }),
      'InvalidParameter.KMSKeyId.NotFound',
      404,
    );
    messages.add(error.message);
  }
  assert.equal(messages.size, 1);
});

test('a role that may not tag the key is refused on first use, and enough once the tag is there', async () => {
  await using cloud = await TestCloud.open();
  await cloud.openKms();
  await cloud.allowDiskRole({ kmsActions: ['kms:DescribeKey', 'kms:GenerateDataKey', 'kms:Decrypt'] });
  const KMSKeyId = await cloud.createKey();
  const attempt = () => cloud.createDisk({ Encrypted: true, KMSKeyId });
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.CMKUnauthorized', 403);
  await cloud.database.transact(async (transaction) => {
    const key = await findKey(transaction, KMSKeyId);
    assert.ok(key !== undefined);
    await updateKey(transaction, KMSKeyId, { tags: [{ key: 'acs:ecs:disk-encryption', value: 'true' }] });
  });
  await attempt();
});

const REFUSED: readonly (readonly [why: string, input: Input, code: string, httpStatus: number])[] = [
  ['KMSKeyId without Encrypted', { KMSKeyId: 'k' }, 'InvalidParameter.EncryptedIllegal', 400],
  ['KMSKeyId with Encrypted=false', { KMSKeyId: 'k', Encrypted: false }, 'InvalidParameter.EncryptedIllegal', 400],
  [
    'EncryptAlgorithm without Encrypted',
    { EncryptAlgorithm: 'AES-256' },
    'InvalidEncrypted.NotMatchEncryptAlgorithm',
    400,
  ],
  ['an unknown EncryptAlgorithm', { Encrypted: true, EncryptAlgorithm: 'DES' }, 'InvalidEncryptAlgorithm', 400],
  ['SM4 under the service key', { Encrypted: true, EncryptAlgorithm: 'SM4-128' }, 'InvalidEncryptAlgorithm', 400],
  [
    'encrypting a category that cannot be',
    { Encrypted: true, DiskCategory: 'elastic_ephemeral_disk_standard', Size: 64 },
    'InvalidParameter.EncryptedNotSupported',
    400,
  ],
  ['no size', { Size: undefined as never }, 'MissingParameter', 400],
  ['no zone', { ZoneId: undefined as never }, 'MissingParameter', 400],
  ['an unknown zone', { ZoneId: 'cn-hangzhou-z' }, 'InvalidZoneId.NotFound', 404],
  ['a zone of another region', { ZoneId: 'cn-beijing-a' }, 'InvalidZoneId.NotFound', 404],
  ['an unknown region', { RegionId: 'mars-1' }, 'InvalidRegionId.NotFound', 404],
  ['an unknown category', { DiskCategory: 'cloud_fast' }, 'InvalidDataDiskCategory.ValueNotSupported', 400],
  [
    'a name of an object member as category',
    { DiskCategory: 'constructor' },
    'InvalidDataDiskCategory.ValueNotSupported',
    400,
  ],
  ['a level on a category without levels', { PerformanceLevel: 'PL1' }, 'InvalidPerformanceLevel.Malformed', 400],
  [
    'an unknown level',
    { DiskCategory: 'cloud_essd', PerformanceLevel: 'PL9' },
    'InvalidPerformanceLevel.Malformed',
    400,
  ],
  ['a name that begins with a digit', { DiskName: '1disk' }, 'InvalidDiskName.Malformed', 400],
  ['a name that is too short', { DiskName: 'a' }, 'InvalidDiskName.Malformed', 400],
  ['a name that is a link', { DiskName: 'http://a' }, 'InvalidDiskName.Malformed', 400],
  ['a name of 129 characters', { DiskName: 'a'.repeat(129) }, 'InvalidDiskName.Malformed', 400],
  ['a description that is a link', { Description: 'https://a' }, 'InvalidDescription.Malformed', 400],
  ['a description of 257 characters', { Description: 'a'.repeat(257) }, 'InvalidDescription.Malformed', 400],
  ['a reserved tag key', { Tag: [{ Key: 'acs:x' }] }, 'InvalidTagKey.Malformed', 400],
  ['a tag value that is a link', { Tag: [{ Key: 'x', Value: 'http://x' }] }, 'InvalidTagValue.Malformed', 400],
  ['a tag key twice', { Tag: [{ Key: 'x' }, { Key: 'x' }] }, 'Duplicate.TagKey', 400],
  ['21 tags', { Tag: Array.from({ length: 21 }, (_, n) => ({ Key: `k${n}` })) }, 'QuotaExceed.Tags', 403],
  ['an unknown snapshot', { SnapshotId: 's-bp1zzzzzzzzzzzzzzzzz' }, 'InvalidSnapshotId.NotFound', 404],
  [
    'an ephemeral disk from a snapshot',
    { SnapshotId: 's-bp1zzzzzzzzzzzzzzzzz', DiskCategory: 'elastic_ephemeral_disk_premium' },
    'OperationDenied.SnapshotNotAllowed',
    403,
  ],
  ['the subscription form', { InstanceId: 'i-1', ZoneId: undefined as never }, 'UnsupportedParameter', 400],
  ['ZoneId and InstanceId together', { InstanceId: 'i-1' }, 'InvalidParameter.Conflict', 400],
  ['multi-attach', { MultiAttach: 'Enabled' }, 'UnsupportedParameter', 400],
  ['a bad MultiAttach', { MultiAttach: 'Maybe' }, 'InvalidParameter.MultiAttach', 403],
  ['bursting', { BurstingEnabled: true }, 'UnsupportedParameter', 400],
  ['provisioned IOPS', { ProvisionedIops: 4000 }, 'UnsupportedParameter', 400],
  ['a storage set', { StorageSetId: 'ss-1' }, 'UnsupportedParameter', 400],
  ['a storage cluster', { StorageClusterId: 'dbsc-1' }, 'UnsupportedParameter', 400],
  ['a resource group', { ResourceGroupId: 'rg-1' }, 'InvalidResourceGroup.NotFound', 404],
];

test('refused requests answer their documented code and make nothing', async (t) => {
  await using cloud = await TestCloud.ready();
  for (const [why, input, code, httpStatus] of REFUSED) {
    await t.test(`${why}: ${code}`, async () => {
      const error = await cloud.refuses(() => cloud.createDisk(input), code, httpStatus);
      assert.match(error.message, /\.$/, 'a sentence for people');
    });
  }
});

const SIZES: readonly (readonly [category: string, level: string | undefined, from: number, to: number])[] = [
  ['cloud', undefined, 5, 2000],
  ['cloud_efficiency', undefined, 20, 32768],
  ['cloud_ssd', undefined, 20, 32768],
  ['cloud_essd', 'PL0', 1, 65536],
  ['cloud_essd', undefined, 20, 65536],
  ['cloud_essd', 'PL1', 20, 65536],
  ['cloud_essd', 'PL2', 461, 65536],
  ['cloud_essd', 'PL3', 1261, 65536],
  ['cloud_auto', undefined, 1, 65536],
  ['cloud_essd_entry', undefined, 10, 32768],
  ['cloud_regional_disk_auto', undefined, 10, 65536],
  ['elastic_ephemeral_disk_standard', undefined, 64, 8192],
  ['elastic_ephemeral_disk_premium', undefined, 64, 8192],
];

test('every category and level takes its smallest and largest size and nothing beyond', async (t) => {
  await using cloud = await TestCloud.open();
  for (const [DiskCategory, level, from, to] of SIZES) {
    await t.test(`${DiskCategory} ${level ?? ''} ${from} to ${to} GiB`, async () => {
      const input = { DiskCategory, ...(level === undefined ? {} : { PerformanceLevel: level }) };
      for (const Size of [from, to]) {
        const disk = await cloud.disk(await cloud.createDisk({ ...input, Size }));
        assert.equal(disk.sizeGib, Size);
        assert.equal(disk.performanceLevel, DiskCategory === 'cloud_essd' ? (level ?? 'PL1') : null);
      }
      for (const Size of [from - 1, to + 1, 20.5, -20, 0]) {
        await cloud.refuses(() => cloud.createDisk({ ...input, Size }), 'InvalidDataDiskSize.ValueNotSupported', 400);
      }
    });
  }
});

test('a regional disk has no zone', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk({
    DiskCategory: 'cloud_regional_disk_auto',
    ZoneId: undefined as never,
  });
  assert.equal((await cloud.disk(diskId)).zoneId, '');
});

test('every category of the documented list can be encrypted when blank', async () => {
  await using cloud = await TestCloud.ready();
  for (const DiskCategory of cloud.parts.limits.blankCategories) {
    const disk = await cloud.disk(await cloud.createDisk({ DiskCategory, Encrypted: true }));
    assert.equal(disk.encrypted, true);
  }
});

/** A snapshot of an encrypted or an unencrypted disk with `content` in it. */
async function snapshotOf(cloud: TestCloud, input: Input, asker = {}): Promise<{ diskId: string; snapshotId: string }> {
  const diskId = await cloud.createDisk(input, asker);
  await cloud.useDisk(diskId, 'precious', (asker as { account?: string }).account);
  return { diskId, snapshotId: await cloud.createSnapshot(diskId, {}, asker) };
}

test('M18: a disk from an encrypted snapshot is encrypted with the same key, asked for or not', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey('Aliyun_SM4');
  const { diskId: sourceId, snapshotId: SnapshotId } = await snapshotOf(cloud, { Encrypted: true, KMSKeyId: keyId });
  const asked: readonly Input[] = [
    {},
    { Encrypted: true },
    { Encrypted: true, KMSKeyId: keyId },
    { Encrypted: true, KMSKeyId: `acs:kms:${REGION}:${ACCOUNT}:key/${keyId}` },
    { Encrypted: true, EncryptAlgorithm: 'SM4-128' },
  ];
  for (const input of asked) {
    const diskId = await cloud.createDisk({ SnapshotId, ...input });
    const disk = await cloud.disk(diskId);
    assert.equal(disk.encrypted, true);
    assert.equal(disk.kmsKeyId, keyId);
    assert.equal(disk.suite, 'sm4-gcm');
    assert.equal(disk.sourceSnapshotId, SnapshotId);
    assert.equal(cloud.plane.content(diskId), 'precious');
    assert.notDeepEqual(disk.wrappedKey, (await cloud.disk(sourceId)).wrappedKey, 'with a data key of its own');
  }
});

test('M18: asking for a plain disk, another key or another algorithm than the snapshot has is refused', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId: SnapshotId } = await snapshotOf(cloud, { Encrypted: true, KMSKeyId: await cloud.createKey() });
  const other = await cloud.createKey();
  const refused: readonly (readonly [Input, string, number])[] = [
    [{ Encrypted: false }, 'InvalidEncrypted.NotMatchSnapshot', 403],
    [{ Encrypted: true, KMSKeyId: other }, 'InvalidKmsKeyId.NotMatchSnapshot', 400],
    [{ Encrypted: true, EncryptAlgorithm: 'SM4-128' }, 'InvalidEncryptAlgorithm.NotMatchSnapshot', 400],
    [{ KMSKeyId: other }, 'InvalidParameter.EncryptedIllegal', 400],
    [{ DiskCategory: 'cloud_regional_disk_auto' }, 'InvalidParameter.EncryptedNotSupported', 400],
  ];
  for (const [input, code, httpStatus] of refused) {
    await cloud.refuses(() => cloud.createDisk({ SnapshotId, ...input }), code, httpStatus);
  }
});

test('M10: a disk from a snapshot needs the snapshot’s key', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { snapshotId: SnapshotId } = await snapshotOf(cloud, { Encrypted: true, KMSKeyId: keyId });
  await cloud.disableKey(keyId);
  await cloud.refuses(() => cloud.createDisk({ SnapshotId }), 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.enableKey(keyId);
  const diskId = await cloud.createDisk({ SnapshotId });
  assert.equal(cloud.plane.content(diskId), 'precious');
});

test('a disk from a snapshot is at least as large as the snapshot', async () => {
  await using cloud = await TestCloud.open();
  const { snapshotId: SnapshotId } = await snapshotOf(cloud, { Size: 40 });
  for (const [Size, expected] of [
    [undefined, 40],
    [5, 40],
    [41, 41],
  ] as const) {
    const disk = await cloud.disk(await cloud.createDisk({ SnapshotId, Size: Size as never }));
    assert.equal(disk.sizeGib, expected);
    assert.equal(disk.encrypted, false);
  }
  await cloud.refuses(() => cloud.createDisk({ SnapshotId, Size: 2001 }), 'InvalidDataDiskSize.ValueNotSupported', 400);
});

test('choosing encryption for an unencrypted snapshot is bound to region, zone and category', async () => {
  await using cloud = await TestCloud.open();
  const essd: Input = { DiskCategory: 'cloud_essd', Encrypted: true };
  const hangzhou = await snapshotOf(cloud, {});
  await cloud.openKms();
  await cloud.refuses(
    () => cloud.createDisk({ ...essd, SnapshotId: hangzhou.snapshotId }),
    'NotSupportSnapshotEncrypted.RegionId',
    400,
  );
  const hongkong: Input = { RegionId: 'cn-hongkong', ZoneId: 'cn-hongkong-d' };
  const { snapshotId: SnapshotId } = await snapshotOf(cloud, hongkong);
  await cloud.openKms({ region: 'cn-hongkong' });
  const refused: readonly (readonly [Input, string, number])[] = [
    [{ ZoneId: 'cn-hongkong-d' }, 'NotSupportSnapshotEncrypted.ZoneId', 400],
    [{ ZoneId: 'cn-hongkong-b', DiskCategory: 'cloud_ssd' }, 'NotSupportSnapshotEncrypted.DiskCategory', 403],
  ];
  for (const [input, code, httpStatus] of refused) {
    await cloud.refuses(() => cloud.createDisk({ ...hongkong, ...essd, SnapshotId, ...input }), code, httpStatus);
  }
});

test('M17: an encrypted disk from an unencrypted snapshot is sealed anew under its own key, and shows it at once', async () => {
  await using cloud = await TestCloud.ready();
  const hongkong: Input = { RegionId: 'cn-hongkong', ZoneId: 'cn-hongkong-b' };
  const { snapshotId: SnapshotId } = await snapshotOf(cloud, hongkong);
  await cloud.openKms({ region: 'cn-hongkong' });
  const keyId = await cloud.createKey('Aliyun_SM4', { region: 'cn-hongkong' });
  const asked: Input = { ...hongkong, DiskCategory: 'cloud_essd', Encrypted: true, KMSKeyId: keyId, SnapshotId };
  const diskId = await cloud.createDisk(asked);
  const { encrypted, kmsKeyId, suite, wrappedBy } = await cloud.disk(diskId);
  assert.deepEqual([encrypted, kmsKeyId, suite, wrappedBy], [true, keyId, 'sm4-gcm', 'kms']);
  assert.equal((await findDiskRotation(cloud.database.read, diskId))?.status, 'Running');
  assert.equal(cloud.plane.content(diskId), 'precious');
  await cloud.parts.rotations.keepGoing();
  await cloud.parts.rotations.keepGoing();
  assert.equal(await findDiskRotation(cloud.database.read, diskId), undefined);
  assert.equal((await cloud.snapshot(SnapshotId)).encrypted, false);
});

test('snapshots of other accounts and regions look like unknown ones', async () => {
  await using cloud = await TestCloud.open();
  const foreign = await snapshotOf(cloud, {}, { account: OTHER_ACCOUNT });
  const elsewhere = await snapshotOf(cloud, { RegionId: OTHER_REGION, ZoneId: 'cn-beijing-a' });
  for (const SnapshotId of [foreign.snapshotId, elsewhere.snapshotId]) {
    const error = await cloud.refuses(() => cloud.createDisk({ SnapshotId }), 'InvalidSnapshotId.NotFound', 404);
    assert.equal(
      error.message.replace(SnapshotId, 's-x'),
      `There is no snapshot s-x in this account and region ${REGION}.`,
    );
  }
});

test('a snapshot that is not finished makes no disk', async () => {
  await using cloud = await TestCloud.open();
  const { snapshotId: SnapshotId } = await snapshotOf(cloud, {});
  for (const [status, code, httpStatus] of [
    ['progressing', 'InvalidSnapshotId.NotReady', 403],
    ['failed', 'InvalidSnapshotId.NotReady', 403],
    ['deleting', 'InvalidSnapshotId.NotFound', 404],
  ] as const) {
    await cloud.database.transact((transaction) => updateSnapshot(transaction, SnapshotId, { status }));
    await cloud.refuses(() => cloud.createDisk({ SnapshotId }), code, httpStatus);
  }
  assert.ok((await findSnapshot(cloud.database.read, SnapshotId)) !== undefined);
});

test('what the disk server cannot do leaves nothing behind', async (t) => {
  for (const [kind, code, httpStatus] of [
    ['no-space', 'OperationDenied', 403],
    ['unavailable', 'ServiceUnavailable', 503],
  ] as const) {
    await t.test(`${kind} answers ${code}`, async () => {
      await using cloud = await TestCloud.ready();
      await cloud.createDisk({ Encrypted: true });
      cloud.plane.before = (method) => {
        if (method === 'createDisk') throw new SystemError(kind, 'X', 'no');
      };
      await cloud.refuses(() => cloud.createDisk({ Encrypted: true }), code, httpStatus);
    });
  }
  await t.test('a reply that is lost: the files are removed again', async () => {
    await using cloud = await TestCloud.open();
    cloud.plane.after = (method) => {
      if (method === 'createDisk') throw new SystemError('unavailable', 'X', 'gone');
    };
    await cloud.refuses(() => cloud.createDisk(), 'ServiceUnavailable', 503);
  });
  await t.test('a disk server that does not answer is waited for once', async () => {
    await using cloud = await TestCloud.open();
    const diskId = await cloud.createDisk();
    await cloud.useDisk(diskId);
    const asked: string[] = [];
    cloud.plane.before = (method) => {
      if (method === 'listExports') return;
      asked.push(method);
      throw new SystemError('unavailable', 'X', 'silent for 8 s');
    };
    const refused = { code: 'ServiceUnavailable', httpStatus: 503 };
    await assert.rejects(cloud.createDisk(), refused);
    await assert.rejects(cloud.createSnapshot(diskId), refused);
    assert.deepEqual(asked, ['createDisk', 'createSnapshot']);
  });
});

test('permissions: CreateDisk on disks, and on the snapshot that is used', async () => {
  await using cloud = await TestCloud.open();
  const action = CreateDisk(cloud.parts);
  const input = { RegionId: REGION, ZoneId: ZONE, Size: 20 };
  assert.deepEqual(await action.access(cloud.callOf(input)), [
    { action: 'ecs:CreateDisk', resource: `acs:ecs:${REGION}:${ACCOUNT}:disk/*` },
  ]);
  assert.deepEqual((await action.access(cloud.callOf({ ...input, SnapshotId: 's-1' })))[1], {
    action: 'ecs:CreateDisk',
    resource: `acs:ecs:${REGION}:${ACCOUNT}:snapshot/s-1`,
  });
});

test('with a ClientToken the answer is recorded together with the disk', async () => {
  await using cloud = await TestCloud.open();
  const { ClientTokens } = await import('../../../../src/metadata/client-tokens.ts');
  const tokens = new ClientTokens(cloud.database);
  const claim = { fingerprint: 'f', owner: 'o', nowMs: cloud.clock.now, expiresAtMs: cloud.clock.now + 1000 };
  await tokens.claim('token', claim);
  const diskId = await cloud.createDisk({}, { idempotencyKey: 'token' });
  assert.deepEqual(await tokens.claim('token', claim), {
    state: 'answered',
    fingerprint: 'f',
    answer: JSON.stringify({ DiskId: diskId }),
  });
});
