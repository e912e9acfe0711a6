import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ModifyDiskDefaultKMSKeyId } from '../../../../src/services/ecs/actions/ModifyDiskDefaultKMSKeyId.ts';
import { ResetDiskDefaultKMSKeyId } from '../../../../src/services/ecs/actions/ResetDiskDefaultKMSKeyId.ts';
import { defaultKey, switchOn } from '../default-encryption.ts';
import { ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

const reset = (cloud: TestCloud) => cloud.call(ResetDiskDefaultKMSKeyId(cloud.parts), { RegionId: REGION });

test('new disks are under the service key again, also when the own key is gone', async () => {
  await using cloud = await TestCloud.ready();
  await switchOn(cloud);
  const serviceKeyId = await defaultKey(cloud);
  const KMSKeyId = await cloud.createKey();
  await cloud.call(ModifyDiskDefaultKMSKeyId(cloud.parts), { RegionId: REGION, KMSKeyId });
  await cloud.destroyKey(KMSKeyId);
  assert.deepEqual(await reset(cloud), {});
  assert.equal(await defaultKey(cloud), serviceKeyId);
  assert.equal((await cloud.disk(await cloud.createDisk())).kmsKeyId, serviceKeyId);
  assert.deepEqual(await reset(cloud), {}, 'again changes nothing');
});

test('where default encryption is off there is nothing to reset', async () => {
  await using cloud = await TestCloud.ready();
  await cloud.refuses(() => reset(cloud), 'InvalidDefaultEncryption.NotFound', 403);
});

test('permission: ecs:ResetDiskDefaultKMSKeyId on the region', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(ResetDiskDefaultKMSKeyId(cloud.parts).access(cloud.callOf({ RegionId: REGION })), [
    { action: 'ecs:ResetDiskDefaultKMSKeyId', resource: `acs:ecs:${REGION}:${ACCOUNT}:*` },
  ]);
});
