import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DisableDiskEncryptionByDefault } from '../../../../src/services/ecs/actions/DisableDiskEncryptionByDefault.ts';
import { isOn, switchOn } from '../default-encryption.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

const disable = (cloud: TestCloud, asker = {}) =>
  cloud.call(DisableDiskEncryptionByDefault(cloud.parts), { RegionId: REGION }, asker);

test('new disks may be plain again; those that were encrypted stay so', async () => {
  await using cloud = await TestCloud.ready();
  await switchOn(cloud);
  const before = await cloud.createDisk();
  assert.deepEqual(await disable(cloud), {});
  assert.equal(await isOn(cloud), false);
  assert.equal((await cloud.disk(await cloud.createDisk())).encrypted, false);
  assert.equal((await cloud.disk(before)).encrypted, true);
});

test('where it is off this changes nothing, and another account switches off its own alone', async () => {
  await using cloud = await TestCloud.ready();
  assert.deepEqual(await disable(cloud), {});
  await switchOn(cloud);
  await disable(cloud, { account: OTHER_ACCOUNT });
  assert.equal(await isOn(cloud), true);
});

test('it needs neither KMS nor a key, so that it can always be switched off', async () => {
  await using cloud = await TestCloud.ready();
  await switchOn(cloud);
  await cloud.removeDiskRole();
  await disable(cloud);
  assert.equal(await isOn(cloud), false);
});

test('a region that there is not, and the permission', async () => {
  await using cloud = await TestCloud.open();
  const action = DisableDiskEncryptionByDefault(cloud.parts);
  const nowhere = () => cloud.call(action, { RegionId: 'mars-1' });
  await cloud.refuses(nowhere, 'InvalidParameter.RegionIdNotExists', 403);
  assert.deepEqual(action.access(cloud.callOf({ RegionId: REGION })), [
    { action: 'ecs:DisableDiskEncryptionByDefault', resource: `acs:ecs:${REGION}:${ACCOUNT}:*` },
  ]);
});
