import assert from 'node:assert/strict';
import { test } from 'node:test';

import { recordPin } from '../../../src/services/ecs/pins.ts';
import { TestCloud } from './test-cloud.ts';

const pin = (sequence: number) => ({ sequence, digest: String(sequence % 10).repeat(64) });

test('a pin moves forward and never back, and a disk that is gone needs none', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await recordPin(cloud.database, diskId, pin(7));
  assert.deepEqual((await cloud.disk(diskId)).pin, pin(7));
  await recordPin(cloud.database, diskId, pin(5));
  assert.deepEqual((await cloud.disk(diskId)).pin, pin(7));
  await recordPin(cloud.database, diskId, pin(8));
  assert.deepEqual((await cloud.disk(diskId)).pin, pin(8));
  await recordPin(cloud.database, 'd-gone', pin(9));
});
