import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAccount } from '../../../../src/metadata/accounts.ts';
import { DescribeImageSharePermission } from '../../../../src/services/ecs/actions/DescribeImageSharePermission.ts';
import { refusal, REGION, type TestCloud } from '../test-cloud.ts';
import { makeImage, openSharingCloud, RECEIVER, share, SHARING_REGION } from '../sharing/sharing-cloud.ts';

const describe = (cloud: TestCloud, input: { ImageId: string; PageNumber?: number; PageSize?: number }, asker = {}) =>
  cloud.call(DescribeImageSharePermission(cloud.parts), { RegionId: SHARING_REGION, ...input }, asker);

test('the accounts that an image is shared with are listed in pages, earliest first', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null });
  const none = await describe(cloud, { ImageId: imageId });
  assert.deepEqual([none.TotalCount, none.Accounts?.Account, none.ShareGroups?.ShareGroup], [0, [], []]);
  const accounts = Array.from({ length: 12 }, (_, index) => String(3_000_000_000_000_011 - index));
  await cloud.database.transact(async (transaction) => {
    for (const accountId of accounts) await insertAccount(transaction, { accountId, regionId: REGION, createdMs: 1 });
  });
  for (const account of accounts) {
    await share(cloud, imageId, { AddAccount: [account] });
    cloud.clock.now += 1000;
  }
  const first = await describe(cloud, { ImageId: imageId });
  assert.deepEqual([first.ImageId, first.RegionId, first.PageNumber, first.PageSize], [imageId, SHARING_REGION, 1, 10]);
  assert.equal(first.TotalCount, 12);
  const idsOf = ({ Accounts }: typeof first) => Accounts?.Account?.map(({ AliyunId }) => AliyunId);
  assert.deepEqual(idsOf(first), accounts.slice(0, 10));
  assert.equal(first.Accounts?.Account?.[0]?.SharedTime, '2026-11-23T08:00:00Z');
  assert.deepEqual(idsOf(await describe(cloud, { ImageId: imageId, PageNumber: 2 })), accounts.slice(10));
  assert.deepEqual(idsOf(await describe(cloud, { ImageId: imageId, PageNumber: 4, PageSize: 3 })), accounts.slice(9));
  assert.deepEqual(idsOf(await describe(cloud, { ImageId: imageId, PageNumber: 5 })), []);
  await refusal(describe(cloud, { ImageId: imageId, PageSize: 101 }), 'InvalidParameter', 400);
});

test('only the owner is told whom an image is shared with', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null });
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  for (const [input, asker] of [
    [{ ImageId: imageId }, { account: RECEIVER }],
    [{ ImageId: imageId }, { region: REGION }],
    [{ ImageId: 'm-2ze00000000000000000' }, {}],
  ] as const)
    await refusal(describe(cloud, input, asker), 'InvalidImageId.NotFound', 404);
});
