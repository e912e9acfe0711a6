import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeDiskReencryption } from '../../../../src/services/sealdisk/actions/DescribeDiskReencryption.ts';
import { ModifyDiskReencryption } from '../../../../src/services/sealdisk/actions/ModifyDiskReencryption.ts';
import { RotateDiskDataKey } from '../../../../src/services/sealdisk/actions/RotateDiskDataKey.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';

const call = (cloud: TestCloud, input: { DiskId: string; Paused?: boolean; RateMiB?: number }, asker = {}) =>
  cloud.call(ModifyDiskReencryption(cloud.parts), input, asker);

test('what is sealed anew rests until it is told to go on', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  await cloud.call(RotateDiskDataKey(cloud.parts), { DiskId: diskId });
  await call(cloud, { DiskId: diskId, Paused: true, RateMiB: 5 });
  for (let round = 0; round < 3; round++) await cloud.parts.rotations.keepGoing();
  const status = () => cloud.call(DescribeDiskReencryption(cloud.parts), { DiskId: diskId });
  assert.equal((await status()).Status, 'Paused');
  await call(cloud, { DiskId: diskId, Paused: false });
  for (let round = 0; round < 3; round++) await cloud.parts.rotations.keepGoing();
  assert.equal((await status()).Status, 'None');
});

test('a disk that is not sealed anew, bad rates and foreign disks are refused', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  await cloud.refuses(() => call(cloud, { DiskId: diskId, Paused: true }), 'IncorrectDiskStatus', 403);
  await cloud.refuses(() => call(cloud, { DiskId: diskId, RateMiB: -1 }), 'InvalidParameter.RateMiB', 400);
  await cloud.refuses(() => call(cloud, { DiskId: diskId }, { account: OTHER_ACCOUNT }), 'InvalidDiskId.NotFound', 404);
});

test('permission: sealdisk:ModifyDiskReencryption on the ECS disk, in the region where it was made', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(
    await ModifyDiskReencryption(cloud.parts).access(cloud.callOf({ DiskId: 'd-2ze12345678901234567' })),
    [
      {
        action: 'sealdisk:ModifyDiskReencryption',
        resource: `acs:ecs:cn-beijing:${ACCOUNT}:disk/d-2ze12345678901234567`,
      },
    ],
  );
});
