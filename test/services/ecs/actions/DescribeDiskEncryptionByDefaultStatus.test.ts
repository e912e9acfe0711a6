import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeDiskEncryptionByDefaultStatus } from '../../../../src/services/ecs/actions/DescribeDiskEncryptionByDefaultStatus.ts';
import { isOn, switchOn } from '../default-encryption.ts';
import { OTHER_ACCOUNT, OTHER_REGION, REGION, TestCloud } from '../test-cloud.ts';

test('the status is a real boolean, of the account and region', async () => {
  await using cloud = await TestCloud.ready();
  assert.equal(await isOn(cloud), false);
  await switchOn(cloud);
  assert.equal(await isOn(cloud), true);
  assert.equal(await isOn(cloud, { account: OTHER_ACCOUNT }), false);
  const action = DescribeDiskEncryptionByDefaultStatus(cloud.parts);
  assert.deepEqual(await cloud.call(action, { RegionId: OTHER_REGION }), { Encrypted: false });
  const nowhere = () => cloud.call(action, { RegionId: 'mars-1' });
  await cloud.refuses(nowhere, 'InvalidParameter.RegionIdNotExists', 403);
  const [access] = await action.access(cloud.callOf({ RegionId: REGION }));
  assert.equal(access?.action, 'ecs:DescribeDiskEncryptionByDefaultStatus');
});
