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

test('the position of the log moves forward too, under one head and from head to head', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const at = (sequence: number, segment: number, slot: number) => ({ ...pin(sequence), log: { segment, slot } });
  const stored = async () => (await cloud.disk(diskId)).pin;
  await recordPin(cloud.database, diskId, at(7, 3, 100));
  assert.deepEqual(await stored(), at(7, 3, 100));
  await recordPin(cloud.database, diskId, at(7, 3, 90));
  assert.deepEqual(await stored(), at(7, 3, 100), 'an event that came late');
  await recordPin(cloud.database, diskId, at(7, 4, 1));
  assert.deepEqual(await stored(), at(7, 4, 1));
  await recordPin(cloud.database, diskId, pin(8));
  assert.deepEqual(await stored(), at(8, 4, 1), 'a checkpoint makes no log shorter');
  await recordPin(cloud.database, diskId, at(6, 5, 2));
  assert.deepEqual(await stored(), at(8, 5, 2));
});
