import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeDiskReencryption } from '../../../../src/services/sealdisk/actions/DescribeDiskReencryption.ts';
import { RotateDiskDataKey } from '../../../../src/services/sealdisk/actions/RotateDiskDataKey.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';

const call = (cloud: TestCloud, input: { DiskId: string; Paused?: boolean; RateMiB?: number }, asker = {}) =>
  cloud.call(DescribeDiskReencryption(cloud.parts), input, asker);

test('None, Waiting and Running are told apart, and the end is noticed', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  assert.deepEqual(await call(cloud, { DiskId: diskId }), { DiskId: diskId, Status: 'None' });
  await cloud.call(RotateDiskDataKey(cloud.parts), { DiskId: diskId, RateMiB: 3 });
  const waiting = await call(cloud, { DiskId: diskId });
  assert.deepEqual([waiting.Status, waiting.TotalBytes], ['Waiting', undefined]);
  const { row, psk } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  psk.fill(0);
  const running = await call(cloud, { DiskId: diskId });
  assert.deepEqual([running.Status, running.DoneBytes, running.TotalBytes, running.RateMiB], ['Running', 0, 4128, 3]);
  assert.equal((await call(cloud, { DiskId: diskId })).Status, 'None');
  await cloud.exports.close(row.exportId, { accountId: ACCOUNT, force: false });
});

test('foreign disks are refused', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk();
  await cloud.refuses(() => call(cloud, { DiskId: diskId }, { account: OTHER_ACCOUNT }), 'InvalidDiskId.NotFound', 404);
});

test('permission: sealdisk:DescribeDiskReencryption on the ECS disk, in the region where it was made', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(
    await DescribeDiskReencryption(cloud.parts).access(cloud.callOf({ DiskId: 'd-2ze12345678901234567' })),
    [
      {
        action: 'sealdisk:DescribeDiskReencryption',
        resource: `acs:ecs:cn-beijing:${ACCOUNT}:disk/d-2ze12345678901234567`,
      },
    ],
  );
});
