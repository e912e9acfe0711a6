import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ClientTokens } from '../../../../src/metadata/client-tokens.ts';
import { CreateImage } from '../../../../src/services/ecs/actions/CreateImage.ts';
import { REGION, type TestCloud } from '../test-cloud.ts';
import { copy, imageWith, openTwoRegions } from './copy-steps.ts';
import { file, importImage, putFile } from './file-steps.ts';

const MAKERS: Readonly<Record<string, (cloud: TestCloud, idempotencyKey: string) => Promise<object>>> = {
  CreateImage: async (cloud, idempotencyKey) => {
    const diskId = await cloud.createDisk();
    await cloud.useDisk(diskId);
    const mapping = [{ SnapshotId: await cloud.createSnapshot(diskId), DiskType: 'system' }];
    return cloud.call(CreateImage(cloud.parts), { RegionId: REGION, DiskDeviceMapping: mapping }, { idempotencyKey });
  },
  CopyImage: async (cloud, idempotencyKey) =>
    copy(cloud, await imageWith(cloud, 'bytes'), { Encrypted: true }, { idempotencyKey }),
  ImportImage: (cloud, idempotencyKey) => {
    putFile(cloud, 'system.raw', '20 x');
    return importImage(cloud, [file('system.raw')], {}, { idempotencyKey });
  },
};

for (const [name, make] of Object.entries(MAKERS))
  test(`${name} records its answer with the image, so that a repeated request gets the same one`, async () => {
    await using cloud = await openTwoRegions();
    const tokens = new ClientTokens(cloud.database);
    const claim = { fingerprint: 'f', owner: 'o', nowMs: cloud.clock.now, expiresAtMs: cloud.clock.now + 3_600_000 };
    await tokens.claim('token', claim);
    const answer = await make(cloud, 'token');
    const expected = { state: 'answered', fingerprint: 'f', answer: JSON.stringify(answer) };
    assert.deepEqual(await tokens.claim('token', claim), expected);
  });
