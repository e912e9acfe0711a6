import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { findDiskRotation } from '../../../../src/metadata/disk-rotations.ts';
import { DeleteDisk } from '../../../../src/services/ecs/actions/DeleteDisk.ts';
import { ModifyDiskDefaultKMSKeyId } from '../../../../src/services/ecs/actions/ModifyDiskDefaultKMSKeyId.ts';
import { RotateDiskDataKey } from '../../../../src/services/sealdisk/actions/RotateDiskDataKey.ts';
import { switchOn } from '../../ecs/default-encryption.ts';
import { ACCOUNT, OTHER_ACCOUNT, refusal, REGION, TestCloud } from '../../ecs/test-cloud.ts';

const rotate = (cloud: TestCloud, DiskId: string, more = {}, asker = {}) =>
  cloud.call(RotateDiskDataKey(cloud.parts), { DiskId, ...more }, asker);

/** Opens the disk with the key that its row names, by exporting and unexporting it. */
async function opens(cloud: TestCloud, diskId: string): Promise<string | undefined> {
  const { row, psk } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  psk.fill(0);
  const served = cloud.plane.served(row.exportId);
  await cloud.exports.close(row.exportId, { accountId: ACCOUNT, force: false });
  return served;
}

test('a disk gets another data key under the same KMS key, and its snapshots with it', async () => {
  await using cloud = await TestCloud.ready();
  const KMSKeyId = await cloud.createKey();
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId });
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  const before = await cloud.disk(diskId);
  const answer = await rotate(cloud, diskId);
  assert.deepEqual([answer.DiskId, answer.KMSKeyId, answer.EncryptAlgorithm], [diskId, KMSKeyId, 'AES-256']);
  const after = await cloud.disk(diskId);
  assert.notDeepEqual(after.wrappedKey, before.wrappedKey);
  assert.deepEqual((await cloud.snapshot(snapshotId)).wrappedKey, after.wrappedKey);
  assert.equal(await opens(cloud, diskId), 'data');
  const copy = await cloud.createDisk({ SnapshotId: snapshotId });
  assert.equal(cloud.plane.content(copy), 'data');
});

test('a plain disk becomes encrypted, an AES disk an SM4 disk and back, and what is sealed anew ends', async () => {
  await using cloud = await TestCloud.ready();
  const [aes, sm4] = [await cloud.createKey(), await cloud.createKey('Aliyun_SM4')];
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  assert.equal((await cloud.disk(diskId)).encrypted, false);
  for (const [KMSKeyId, algorithm, suite] of [
    [sm4, 'SM4-128', 'sm4-gcm'],
    [aes, 'AES-256', 'aes-256-gcm'],
  ] as const) {
    assert.equal((await rotate(cloud, diskId, { KMSKeyId })).EncryptAlgorithm, algorithm);
    for (const row of [await cloud.disk(diskId), await cloud.snapshot(snapshotId)])
      assert.deepEqual([row.encrypted, row.kmsKeyId, row.suite, row.wrappedBy], [true, KMSKeyId, suite, 'kms']);
    assert.equal(cloud.plane.suite(diskId), suite);
    assert.equal(await opens(cloud, diskId), 'data');
    await cloud.parts.rotations.keepGoing();
    await cloud.parts.rotations.keepGoing();
    assert.equal(await findDiskRotation(cloud.database.read, diskId), undefined);
  }
});

test('without a key given a plain disk comes under the service key', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk();
  const { KMSKeyId } = await rotate(cloud, diskId);
  assert.equal((await cloud.disk(diskId)).kmsKeyId, KMSKeyId);
});

for (const [what, isNew] of [
  ['reached the disk although its answer was lost', true],
  ['did not reach the disk', false],
] as const)
  test(`when a change ${what}, the next who opens the disk finds out`, async () => {
    await using cloud = await TestCloud.ready();
    const [old, next] = [await cloud.createKey(), await cloud.createKey()];
    const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId: old });
    await cloud.useDisk(diskId);
    const lose = (method: string): void => {
      if (method === 'rotateDataKey') throw new SystemError('unavailable', 'X', 'no answer');
    };
    if (isNew) cloud.plane.after = lose;
    else cloud.plane.before = lose;
    await cloud.refuses(() => rotate(cloud, diskId, { KMSKeyId: next }), 'ServiceUnavailable', 503);
    assert.equal((await findDiskRotation(cloud.database.read, diskId))?.status, 'Committing');
    assert.equal((await cloud.disk(diskId)).kmsKeyId, old);
    assert.equal(await opens(cloud, diskId), 'data');
    assert.equal((await cloud.disk(diskId)).kmsKeyId, isNew ? next : old);
    assert.equal((await findDiskRotation(cloud.database.read, diskId))?.status, isNew ? 'Running' : undefined);
  });

test('without a key given a plain disk comes under the key of default encryption where that is on', async () => {
  await using cloud = await TestCloud.ready();
  const [ofDisk, KMSKeyId] = [await cloud.createKey(), await cloud.createKey()];
  const [plain, encrypted] = [await cloud.createDisk(), await cloud.createDisk({ Encrypted: true, KMSKeyId: ofDisk })];
  await switchOn(cloud);
  await cloud.call(ModifyDiskDefaultKMSKeyId(cloud.parts), { RegionId: REGION, KMSKeyId });
  assert.equal((await rotate(cloud, plain)).KMSKeyId, KMSKeyId);
  assert.equal((await rotate(cloud, encrypted)).KMSKeyId, ofDisk, 'one that has a key keeps it');
});

/** A disk server that loses its answer to a change of the data key that it carried out. */
const loseAnswer = (cloud: TestCloud): void => {
  cloud.plane.after = (method) => {
    if (method === 'rotateDataKey') throw new SystemError('unavailable', 'X', 'no answer');
  };
};

for (const cutShort of [true, false])
  test(`after a reboot during a change ${cutShort ? 'that was cut short' : 'that was answered'}, an export that was not closed in order still gets a new identity`, async () => {
    await using cloud = await TestCloud.ready();
    const diskId = await cloud.createDisk({ Encrypted: true });
    const { row, psk } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
    psk.fill(0);
    cloud.plane.write(diskId, 'not flushed');
    if (cutShort) {
      loseAnswer(cloud);
      await refusal(rotate(cloud, diskId), 'ServiceUnavailable', 503);
    } else {
      await rotate(cloud, diskId);
    }
    cloud.plane.crash();
    cloud.bootId = 'boot-2';
    cloud.restartControlPlane();
    await cloud.parts.rotations.keepGoing();
    await cloud.exports.reopenAll();
    const [listed] = await cloud.exports.list({ accountId: ACCOUNT, regionId: REGION });
    assert.equal(listed?.status, 'Serving');
    assert.notEqual(listed.row.exportId, row.exportId);
    await cloud.parts.rotations.keepGoing();
    await cloud.parts.rotations.keepGoing();
    assert.equal(await findDiskRotation(cloud.database.read, diskId), undefined);
  });

test('a change that failed leaves the sealing of an earlier one under way', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  await rotate(cloud, diskId);
  const running = await findDiskRotation(cloud.database.read, diskId);
  cloud.plane.before = (method) => {
    if (method === 'rotateDataKey') throw new SystemError('no-space', 'FULL', 'the store is full');
  };
  await refusal(rotate(cloud, diskId), 'OperationDenied', 403);
  assert.deepEqual(
    { ...(await findDiskRotation(cloud.database.read, diskId)), startedMs: 0 },
    { ...running, startedMs: 0 },
  );
});

test('nobody opens a disk or a snapshot with a key that is replaced at that moment', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  await cloud.useDisk(diskId);
  const snapshotId = await cloud.createSnapshot(diskId);
  const opening = { diskId, accountId: ACCOUNT, readOnly: false };
  const viewing = { snapshotId, baseSnapshotId: undefined, accountId: ACCOUNT, regionId: REGION };
  for (const attempt of [
    () => cloud.exports.open(opening),
    () => cloud.exports.openSnapshot(viewing),
    () => cloud.createSnapshot(diskId),
  ]) {
    let rotating: Promise<unknown> | undefined;
    // The change begins when they have their key, and before they say what for.
    const { dataKeys } = cloud.parts;
    const open = dataKeys.open.bind(dataKeys);
    dataKeys.open = async (request) => {
      const key = await open(request);
      rotating ??= rotate(cloud, diskId);
      await rotating;
      return key;
    };
    await refusal(attempt(), 'IncorrectDiskStatus', 403);
    dataKeys.open = open;
  }
  assert.equal(await opens(cloud, diskId), 'data');
});

test('an export or a snapshot that is being opened keeps the key from being changed', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  let met: Promise<unknown> | undefined;
  cloud.plane.before = (method) => {
    if (method === 'openExport' || method === 'createSnapshot')
      met = refusal(rotate(cloud, diskId), 'IncorrectDiskStatus', 403);
    return method === 'openExport' || method === 'createSnapshot' ? met?.then(() => undefined) : undefined;
  };
  await cloud.useDisk(diskId);
  assert.ok(met !== undefined);
  met = undefined;
  await cloud.createSnapshot(diskId);
  assert.ok(met !== undefined);
});

test('a change that was cut short is settled however many disks are being sealed anew', async () => {
  await using cloud = await TestCloud.ready();
  const disks = await Promise.all([1, 2, 3].map(() => cloud.createDisk({ Encrypted: true })));
  for (const [n, diskId] of disks.entries()) {
    if (n === 2) loseAnswer(cloud);
    await rotate(cloud, diskId).catch(() => undefined);
    cloud.clock.now += 1_000;
  }
  const last = disks[2] ?? '';
  assert.equal((await findDiskRotation(cloud.database.read, last))?.status, 'Committing');
  await cloud.parts.rotations.keepGoing();
  assert.notEqual((await findDiskRotation(cloud.database.read, last))?.status, 'Committing');
});

test('a disk whose key is being changed is not deleted, and one that is sealed anew is', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  loseAnswer(cloud);
  await cloud.refuses(() => rotate(cloud, diskId), 'ServiceUnavailable', 503);
  await cloud.refuses(() => cloud.call(DeleteDisk(cloud.parts), { DiskId: diskId }), 'IncorrectDiskStatus', 403);
  await cloud.parts.rotations.keepGoing();
  await cloud.call(DeleteDisk(cloud.parts), { DiskId: diskId });
  assert.equal(await findDiskRotation(cloud.database.read, diskId), undefined);
});

test('refused keys, rates, foreign disks and exported snapshots change nothing', async () => {
  await using cloud = await TestCloud.ready();
  const KMSKeyId = await cloud.createKey();
  const rsa = await cloud.createKey('RSA_2048' as never).catch(() => undefined);
  const diskId = await cloud.createDisk({ Encrypted: true });
  await cloud.disableKey(KMSKeyId);
  const before = await cloud.disk(diskId);
  const refused = [
    [{ KMSKeyId }, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403],
    [{ KMSKeyId: 'no-such-key' }, 'InvalidParameter.KMSKeyId.NotFound', 404],
    ...(rsa === undefined ? [] : [[{ KMSKeyId: rsa }, 'InvalidKMSKeyId.NotSymmetric', 400] as const]),
    [{ RateMiB: -1 }, 'InvalidParameter.RateMiB', 400],
    [{ RateMiB: 1.5 }, 'InvalidParameter.RateMiB', 400],
  ] as const;
  for (const [more, code, status] of refused) await cloud.refuses(() => rotate(cloud, diskId, more), code, status);
  await cloud.refuses(() => rotate(cloud, diskId, {}, { account: OTHER_ACCOUNT }), 'InvalidDiskId.NotFound', 404);
  await cloud.refuses(() => rotate(cloud, 'd-x'), 'InvalidDiskId.NotFound', 404);
  assert.deepEqual(await cloud.disk(diskId), before);
  assert.equal(await findDiskRotation(cloud.database.read, diskId), undefined);
});

test('permission: sealdisk:RotateDiskDataKey on the ECS disk, in the region where it was made', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await RotateDiskDataKey(cloud.parts).access(cloud.callOf({ DiskId: 'd-2ze12345678901234567' })), [
    { action: 'sealdisk:RotateDiskDataKey', resource: `acs:ecs:cn-beijing:${ACCOUNT}:disk/d-2ze12345678901234567` },
  ]);
});
