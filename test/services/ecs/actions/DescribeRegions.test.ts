import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DescribeRegions } from '../../../../src/services/ecs/actions/DescribeRegions.ts';
import { ACCOUNT, refusal, REGION, TestCloud } from '../test-cloud.ts';

test('every region has an id, a name in the asked language, and this server as its endpoint', async () => {
  await using cloud = await TestCloud.open();
  const action = DescribeRegions(cloud.parts);
  const regions = (await cloud.call(action, {})).Regions?.Region ?? [];
  assert.ok(regions.length >= 25);
  const hangzhou = regions.find(({ RegionId }) => RegionId === 'cn-hangzhou');
  assert.deepEqual(hangzhou, {
    RegionId: 'cn-hangzhou',
    LocalName: '华东1（杭州）',
    RegionEndpoint: '127.0.0.1:8686',
    Status: 'available',
  });
  const english = (await cloud.call(action, { AcceptLanguage: 'en-US' })).Regions?.Region ?? [];
  assert.equal(english.find(({ RegionId }) => RegionId === 'cn-hangzhou')?.LocalName, 'China (Hangzhou)');
});

test('a language or resource type that does not exist is refused', async () => {
  await using cloud = await TestCloud.open();
  const action = DescribeRegions(cloud.parts);
  await refusal(cloud.call(action, { AcceptLanguage: 'xx' }), 'InvalidAcceptLanguage.NotFound', 404);
  await refusal(cloud.call(action, { ResourceType: 'cow' }), 'InvalidResourceType.NotFound', 404);
  assert.ok((await cloud.call(action, { ResourceType: 'disk' })).Regions);
});

test('permission: on everything of the account in the region, so that the account itself always may', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await DescribeRegions(cloud.parts).access(cloud.callOf({})), [
    { action: 'ecs:DescribeRegions', resource: `acs:ecs:${REGION}:${ACCOUNT}:*` },
  ]);
});
