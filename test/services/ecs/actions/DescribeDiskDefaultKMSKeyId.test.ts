import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeDiskDefaultKMSKeyId } from '../../../../src/services/ecs/actions/DescribeDiskDefaultKMSKeyId.ts';
import { defaultKey, switchOn } from '../default-encryption.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

test('the key is empty while default encryption is off, then the real id of the service key', async () => {
  await using cloud = await TestCloud.ready();
  assert.equal(await defaultKey(cloud), '');
  await switchOn(cloud);
  const serviceKey = await cloud.kms.serviceKeys.find({ accountId: ACCOUNT, regionId: REGION });
  assert.ok(serviceKey !== undefined);
  assert.equal(await defaultKey(cloud), serviceKey.keyId);
  assert.equal(await defaultKey(cloud, { account: OTHER_ACCOUNT }), '');
  const action = DescribeDiskDefaultKMSKeyId(cloud.parts);
  const nowhere = () => cloud.call(action, { RegionId: 'mars-1' });
  await cloud.refuses(nowhere, 'InvalidParameter.RegionIdNotExists', 403);
  const [access] = await action.access(cloud.callOf({ RegionId: REGION }));
  assert.equal(access?.action, 'ecs:DescribeDiskDefaultKMSKeyId');
});
