import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { CreateSnapshotInput } from '../../../../src/api/generated/ecs.ts';
import { SystemError } from '../../../../src/base/errors.ts';
import { updateDisk } from '../../../../src/metadata/disks.ts';
import { updateExport } from '../../../../src/metadata/exports.ts';
import { insertSnapshot, updateSnapshot } from '../../../../src/metadata/snapshots.ts';
import { CreateSnapshot } from '../../../../src/services/ecs/actions/CreateSnapshot.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

async function usedDisk(cloud: TestCloud, input = {}): Promise<string> {
  const diskId = await cloud.createDisk(input);
  await cloud.useDisk(diskId);
  return diskId;
}

test('M18: a snapshot of an encrypted disk is encrypted under the same key', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey('Aliyun_SM4');
  const diskId = await usedDisk(cloud, { Encrypted: true, KMSKeyId: keyId });
  const snapshotId = await cloud.createSnapshot(diskId, { SnapshotName: 'before-upgrade', RetentionDays: 3 });
  assert.match(snapshotId, /^s-bp1[a-z0-9]{17}$/);
  const [disk, snapshot] = [await cloud.disk(diskId), await cloud.snapshot(snapshotId)];
  assert.equal(snapshot.status, 'accomplished');
  assert.equal(snapshot.progress, 100);
  assert.equal(snapshot.encrypted, true);
  assert.equal(snapshot.kmsKeyId, keyId);
  assert.equal(snapshot.suite, 'sm4-gcm');
  assert.deepEqual(snapshot.wrappedKey, disk.wrappedKey);
  assert.equal(snapshot.name, 'before-upgrade');
  assert.equal(snapshot.retentionDays, 3);
  assert.deepEqual(snapshot.pin, disk.pin);
  assert.deepEqual(cloud.plane.snapshotIds(diskId), [snapshotId]);
});

test('an open disk is snapshotted as it is, and goes on serving', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const { row } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  cloud.plane.write(diskId, 'one');
  const SnapshotId = await cloud.createSnapshot(diskId);
  cloud.plane.write(diskId, 'two');
  const copy = await cloud.createDisk({ SnapshotId });
  assert.equal(cloud.plane.content(copy), 'one');
  assert.equal((await cloud.plane.listExports())[0]?.exportId, row.exportId);
});

test('a disk that was never used cannot be snapshotted; a failed export does not count as use', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.refuses(() => cloud.createSnapshot(diskId), 'IncorrectDiskStatus.NeverAttached', 403);
  cloud.plane.before = (method) => {
    if (method === 'openExport') throw new SystemError('no-space', 'X', 'full');
  };
  await assert.rejects(cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false }));
  cloud.plane.before = () => {};
  await cloud.refuses(() => cloud.createSnapshot(diskId), 'IncorrectDiskStatus.NeverAttached', 403);
});

test('M10: a snapshot needs the key of its disk, in each state of the key', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const diskId = await usedDisk(cloud, { Encrypted: true, KMSKeyId: keyId });
  const attempt = () => cloud.createSnapshot(diskId);
  await cloud.disableKey(keyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.enableKey(keyId);
  await attempt();
  await cloud.removeDiskRole();
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.KMSUnauthorized', 403);
  await cloud.allowDiskRole();
  await cloud.destroyKey(keyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.NotFound', 400);
});

test('disks of other accounts look like unknown ones', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await usedDisk(cloud);
  const foreign = await cloud.refuses(
    () => cloud.createSnapshot(diskId, {}, { account: OTHER_ACCOUNT }),
    'InvalidDiskId.NotFound',
    404,
  );
  const unknown = await cloud.refuses(() => cloud.createSnapshot('d-x'), 'InvalidDiskId.NotFound', 404);
  assert.equal(foreign.message.replace(diskId, 'd-x'), unknown.message);
});

const REFUSED: readonly (readonly [input: Partial<CreateSnapshotInput>, code: string, httpStatus: number])[] = [
  [{ SnapshotName: 'auto-1' }, 'InvalidSnapshotName.Malformed', 400],
  [{ SnapshotName: 'a' }, 'InvalidSnapshotName.Malformed', 400],
  [{ SnapshotName: 'http://x' }, 'InvalidSnapshotName.Malformed', 400],
  [{ Description: 'http://x' }, 'InvalidDescription.Malformed', 404],
  [{ RetentionDays: 0 }, 'InvalidRetentionDays.Malformed', 400],
  [{ RetentionDays: 65537 }, 'InvalidRetentionDays.Malformed', 400],
  [{ RetentionDays: 1.5 }, 'InvalidRetentionDays.Malformed', 400],
  [{ Category: 'gold' }, 'InvalidSnapshotCategory.Malformed', 403],
  [{ Category: 'Flash' }, 'UnsupportedParameter', 400],
  [{ StorageLocationArn: 'x' }, 'UnsupportedParameter', 400],
  [{ ResourceGroupId: 'rg-1' }, 'InvalidResourceGroup.NotFound', 404],
  [{ Tag: [{ Key: 'aliyun' }] }, 'InvalidTagKey.Malformed', 400],
  [{ Tag: [{ Key: 'x' }, { Key: 'x' }] }, 'Duplicate.TagKey', 400],
];

test('bad parameters answer their documented codes and take nothing', async (t) => {
  await using cloud = await TestCloud.open();
  const diskId = await usedDisk(cloud);
  for (const [input, code, httpStatus] of REFUSED) {
    await t.test(`${JSON.stringify(input)}: ${code}`, async () => {
      await cloud.refuses(() => cloud.createSnapshot(diskId, input), code, httpStatus);
    });
  }
  await cloud.createSnapshot(diskId, { Category: 'Standard', InstantAccess: true, RetentionDays: 65536 });
});

test('one snapshot of a disk at a time', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await usedDisk(cloud);
  const snapshotId = await cloud.createSnapshot(diskId);
  await cloud.database.transact((transaction) => updateSnapshot(transaction, snapshotId, { status: 'progressing' }));
  await cloud.refuses(() => cloud.createSnapshot(diskId), 'IncorrectDiskStatus.CreatingSnapshot', 403);
});

test('of two at the same time exactly one is taken', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await usedDisk(cloud);
  const results = await Promise.allSettled([cloud.createSnapshot(diskId), cloud.createSnapshot(diskId)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal(cloud.plane.snapshotIds(diskId).length, 1);
});

for (const status of ['Creating', 'Attaching', 'ReIniting'] as const) {
  test(`a disk that is ${status} cannot be snapshotted`, async () => {
    await using cloud = await TestCloud.open();
    const diskId = await usedDisk(cloud);
    await cloud.database.transact((transaction) => updateDisk(transaction, diskId, { status }));
    await cloud.refuses(() => cloud.createSnapshot(diskId), 'IncorrectDiskStatus', 403);
  });
}

test('256 manual snapshots of a disk and no more', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await usedDisk(cloud);
  const first = await cloud.snapshot(await cloud.createSnapshot(diskId));
  await cloud.database.transact(async (transaction) => {
    for (let n = 1; n < 256; n++) {
      await insertSnapshot(transaction, { ...first, snapshotId: `s-bp1${String(n).padStart(17, '0')}` });
    }
  });
  await cloud.refuses(() => cloud.createSnapshot(diskId), 'QuotaExceed.Snapshot', 403);
});

test('a disk whose export is not served is left alone', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const { row } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  await cloud.database.transact((transaction) => updateExport(transaction, row.exportId, { status: 'Quarantined' }));
  const error = await cloud.refuses(() => cloud.createSnapshot(diskId), 'IncorrectDiskStatus', 403);
  assert.match(error.message, /Quarantined/);
});

test('after the disk server was lost a snapshot waits for the export to be back, so that a reboot does not go unseen', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const { row } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  cloud.plane.crash();
  cloud.bootId = 'boot-2';
  const error = await cloud.refuses(() => cloud.createSnapshot(diskId), 'IncorrectDiskStatus', 403);
  assert.match(error.message, /Reopening/);
  await cloud.exports.reopenAll();
  assert.notEqual((await cloud.plane.listExports())[0]?.exportId, row.exportId);
  await cloud.createSnapshot(diskId);
});

for (const [kind, code, httpStatus] of [
  ['no-space', 'CreateSnapshot.Failed', 403],
  ['unavailable', 'ServiceUnavailable', 503],
  ['corrupt', 'DiskError', 403],
  ['rolled-back', 'DiskError', 403],
] as const) {
  for (const when of ['before', 'after'] as const) {
    test(`${kind}, told ${when} the snapshot was taken, answers ${code} and leaves nothing`, async () => {
      await using cloud = await TestCloud.open();
      const diskId = await usedDisk(cloud);
      cloud.plane[when] = (method) => {
        if (method === 'createSnapshot') throw new SystemError(kind, 'X', 'no');
      };
      await cloud.refuses(() => cloud.createSnapshot(diskId), code, httpStatus);
    });
  }
}

test('permissions: on the disk and on snapshots, in the disk’s region', async () => {
  await using cloud = await TestCloud.open();
  const call = cloud.callOf({ DiskId: 'd-2ze12345678901234567' }, { region: REGION });
  assert.deepEqual(await CreateSnapshot(cloud.parts).access(call), [
    { action: 'ecs:CreateSnapshot', resource: `acs:ecs:cn-beijing:${ACCOUNT}:disk/d-2ze12345678901234567` },
    { action: 'ecs:CreateSnapshot', resource: `acs:ecs:cn-beijing:${ACCOUNT}:snapshot/*` },
  ]);
});
