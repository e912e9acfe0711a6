import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeZones } from '../../../../src/services/ecs/actions/DescribeZones.ts';
import { ACCOUNT, refusal, REGION, TestCloud } from '../test-cloud.ts';

const action = DescribeZones();

test('the zones of a region with what can be made there, lists included when empty', async () => {
  await using cloud = await TestCloud.open();
  const zones = (await cloud.call(action, { RegionId: 'ap-southeast-1' })).Zones?.Zone ?? [];
  assert.deepEqual(
    zones.map(({ ZoneId, LocalName }) => [ZoneId, LocalName]),
    [
      ['ap-southeast-1a', '新加坡 可用区A'],
      ['ap-southeast-1b', '新加坡 可用区B'],
      ['ap-southeast-1c', '新加坡 可用区C'],
    ],
  );
  const [zone] = zones;
  assert.ok(zone !== undefined);
  assert.ok(zone.AvailableDiskCategories?.DiskCategories.includes('cloud_essd'));
  assert.deepEqual(zone.AvailableInstanceTypes, { InstanceTypes: [] });
  assert.equal(zone.AvailableResources?.ResourcesInfo.length, 1);
  const terse = (await cloud.call(action, { RegionId: 'ap-southeast-1', Verbose: false })).Zones?.Zone ?? [];
  assert.deepEqual(terse[0]?.AvailableResources, { ResourcesInfo: [] });
});

test('unknown regions, languages and charge types are refused', async () => {
  await using cloud = await TestCloud.open();
  const RegionId = 'cn-beijing';
  await refusal(cloud.call(action, { RegionId: 'cn-nowhere' }), 'InvalidRegionId.NotFound', 404);
  await refusal(cloud.call(action, { RegionId, AcceptLanguage: 'xx' }), 'InvalidAcceptLanguage.NotFound', 404);
  await refusal(cloud.call(action, { RegionId, InstanceChargeType: 'X' }), 'InvalidInstanceChargeType.NotFound', 404);
  await refusal(cloud.call(action, { RegionId, SpotStrategy: 'X' }), 'InvalidSpotStrategy', 400);
});

test('permission: on everything of the account in the region, so that the account itself always may', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await action.access(cloud.callOf({ RegionId: REGION })), [
    { action: 'ecs:DescribeZones', resource: `acs:ecs:${REGION}:${ACCOUNT}:*` },
  ]);
});
