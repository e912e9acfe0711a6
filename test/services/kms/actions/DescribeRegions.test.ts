import assert from 'node:assert/strict';
import { test } from 'node:test';

import { REGIONS } from '../../../../src/services/ecs/regions.ts';
import { openKmsApi } from '../call-kms.ts';

test('DescribeRegions names every region, before KMS is open and without any permission', async () => {
  await using api = await openKmsApi({ open: false });
  assert.deepEqual(await api.access('DescribeRegions'), []);
  const { Regions: regions } = await api.call('DescribeRegions');
  assert.deepEqual(
    regions.Region.map(({ RegionId: id }) => id),
    REGIONS.map(({ regionId }) => regionId),
  );
});
