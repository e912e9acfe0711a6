import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { ScrubDisk } from '../../../../src/services/sealdisk/actions/ScrubDisk.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';

const scrub = (cloud: TestCloud, DiskId: string, more = {}, asker = {}) =>
  cloud.call(ScrubDisk(cloud.parts), { DiskId, ...more }, asker);

test('a scrub begins with the key of the disk, and says so', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  assert.deepEqual(await scrub(cloud, diskId), {
    DiskId: diskId,
    Status: 'Running',
    StartedTime: '1970-01-01T00:00:00Z',
  });
  assert.equal((await cloud.plane.describeScrub(diskId))?.report?.withKey, true);
});

test('when KMS refuses the key only checksums are compared', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId: keyId });
  await cloud.disableKey(keyId);
  await scrub(cloud, diskId);
  assert.equal((await cloud.plane.describeScrub(diskId))?.report?.withKey, false);
  assert.ok(cloud.events.some(({ message }) => message === 'a disk is scrubbed without its key'));
});

test('a rate that is no whole number of MiB, unknown disks and those of others are refused', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  for (const RateMiB of [0, -1, 1.5, 16_385])
    await cloud.refuses(() => scrub(cloud, diskId, { RateMiB }), 'InvalidParameter.RateMiB', 400);
  await scrub(cloud, diskId, { RateMiB: 16_384 });
  await cloud.refuses(() => scrub(cloud, diskId, {}, { account: OTHER_ACCOUNT }), 'InvalidDiskId.NotFound', 404);
  await cloud.refuses(() => scrub(cloud, 'd-x'), 'InvalidDiskId.NotFound', 404);
});

test('a scrub that runs, files that are refused, and a disk server that is away have the usual codes', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  for (const [kind, code, status] of [
    ['conflict', 'IncorrectDiskStatus', 403],
    ['rolled-back', 'DiskError', 403],
    ['corrupt', 'DiskError', 403],
    ['unavailable', 'ServiceUnavailable', 503],
  ] as const) {
    cloud.plane.before = (method) => {
      if (method === 'startScrub') throw new SystemError(kind, 'X', 'no');
    };
    await cloud.refuses(() => scrub(cloud, diskId), code, status);
  }
});

test('permission: sealdisk:ScrubDisk on the ECS disk, in the region where it was made', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await ScrubDisk(cloud.parts).access(cloud.callOf({ DiskId: 'd-2ze12345678901234567' })), [
    { action: 'sealdisk:ScrubDisk', resource: `acs:ecs:cn-beijing:${ACCOUNT}:disk/d-2ze12345678901234567` },
  ]);
});
