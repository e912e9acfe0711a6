import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeDiskScrub } from '../../../../src/services/sealdisk/actions/DescribeDiskScrub.ts';
import { ScrubDisk } from '../../../../src/services/sealdisk/actions/ScrubDisk.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';

const describe = (cloud: TestCloud, DiskId: string, asker = {}) =>
  cloud.call(DescribeDiskScrub(cloud.parts), { DiskId }, asker);

test('a disk that was not scrubbed has status None', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  assert.deepEqual(await describe(cloud, diskId), { DiskId: diskId, Status: 'None' });
});

test('what a scrub found is told with what it costs', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  cloud.plane.damages = [
    {
      cause: 'rot',
      file: 'seg/00',
      segment: 3,
      slot: 5,
      message: 'block 7 is damaged',
      costs: [
        { snapshotId: '', firstBlock: 7, blockCount: 1 },
        { snapshotId: 's-1', firstBlock: 7, blockCount: 1 },
      ],
    },
    { cause: 'unknown', file: 'head', message: 'a copy of the head does not verify', costs: [] },
  ];
  await cloud.call(ScrubDisk(cloud.parts), { DiskId: diskId });
  assert.deepEqual(await describe(cloud, diskId), {
    DiskId: diskId,
    Status: 'Finished',
    StartedTime: '1970-01-01T00:00:00Z',
    EndedTime: '1970-01-01T00:00:01Z',
    SlotsDone: 1,
    SlotsTotal: 1,
    WithKey: true,
    DamageCount: 2,
    Damages: {
      Damage: [
        {
          Cause: 'rot',
          File: 'seg/00',
          Segment: 3,
          Slot: 5,
          Message: 'block 7 is damaged',
          Losses: {
            Loss: [
              { FirstBlock: 7, BlockCount: 1 },
              { FirstBlock: 7, BlockCount: 1, SnapshotId: 's-1' },
            ],
          },
        },
        {
          Cause: 'unknown',
          File: 'head',
          Message: 'a copy of the head does not verify',
          Losses: { Loss: [] },
        },
      ],
    },
  });
});

test('unknown disks and those of other accounts look the same', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.refuses(() => describe(cloud, diskId, { account: OTHER_ACCOUNT }), 'InvalidDiskId.NotFound', 404);
  await cloud.refuses(() => describe(cloud, 'd-x'), 'InvalidDiskId.NotFound', 404);
});

test('permission: sealdisk:DescribeDiskScrub on the ECS disk', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await DescribeDiskScrub(cloud.parts).access(cloud.callOf({ DiskId: 'd-bp112345678901234567' })), [
    { action: 'sealdisk:DescribeDiskScrub', resource: `acs:ecs:cn-hangzhou:${ACCOUNT}:disk/d-bp112345678901234567` },
  ]);
});
