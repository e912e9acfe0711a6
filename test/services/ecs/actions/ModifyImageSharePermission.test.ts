import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAccount } from '../../../../src/metadata/accounts.ts';
import { listImageShares } from '../../../../src/metadata/image-shares.ts';
import { updateImage } from '../../../../src/metadata/images.ts';
import { sharingPolicyFor } from '../../../ram/policy/sharing-policy.ts';
import { refusal, REGION, type TestCloud, ZONE } from '../test-cloud.ts';
import {
  allowSharing,
  keyOf,
  makeImage,
  openSharingCloud,
  RECEIVER,
  share,
  SHARER,
  SHARING_REGION,
  trust,
  withdrawRole,
} from '../sharing/sharing-cloud.ts';

const receiversOf = async (cloud: TestCloud, imageId: string): Promise<string[]> =>
  (await listImageShares(cloud.database.read, imageId)).map(({ accountId }) => accountId);

async function refused(
  cloud: TestCloud,
  imageId: string,
  change: object,
  code: string,
  status: number,
  region?: string,
) {
  const before = await receiversOf(cloud, imageId);
  const error = await refusal(share(cloud, imageId, change, region), code, status);
  assert.deepEqual(await receiversOf(cloud, imageId), before, 'a refused call shares nothing and takes nothing back');
  return error;
}

/** Further accounts, by number. */
async function makeAccounts(cloud: TestCloud, count: number): Promise<string[]> {
  const accounts = Array.from({ length: count }, (_, index) => String(3_000_000_000_000_000 + index));
  await cloud.database.transact(async (transaction) => {
    for (const accountId of accounts) await insertAccount(transaction, { accountId, regionId: REGION, createdMs: 1 });
  });
  return accounts;
}

test('M20 M22: an encrypted image is shared when the role trusts the receiver and has exactly the document’s policy', async () => {
  await using cloud = await openSharingCloud();
  const keyId = await keyOf(cloud);
  await allowSharing(cloud, keyId);
  const imageId = await makeImage(cloud, { keyId });
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  assert.deepEqual(await receiversOf(cloud, imageId), [RECEIVER]);
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  assert.deepEqual(await receiversOf(cloud, imageId), [RECEIVER], 'sharing twice is sharing once');
  await share(cloud, imageId, { RemoveAccount: [RECEIVER] });
  assert.deepEqual(await receiversOf(cloud, imageId), []);
  await share(cloud, imageId, { RemoveAccount: [RECEIVER] });
});

test('M22: a policy that allows describing and decrypting under the one key suffices, and no part of it can be missing', async () => {
  await using cloud = await openSharingCloud();
  const keyId = await keyOf(cloud);
  const document = (actions: readonly string[]): string =>
    JSON.stringify({
      Version: '1',
      Statement: [{ Effect: 'Allow', Action: actions, Resource: `acs:kms:${SHARING_REGION}:${SHARER}:key/${keyId}` }],
    });
  const imageId = await makeImage(cloud, { keyId });
  for (const lacking of ['kms:DescribeKey', 'kms:Decrypt']) {
    const actions = ['kms:DescribeKey', 'kms:Decrypt', 'kms:Encrypt'].filter((action) => action !== lacking);
    await allowSharing(cloud, keyId, { document: document(actions) });
    const code = 'InvalidParameter.KMSKeyId.CMKUnauthorized';
    const { message } = await refused(cloud, imageId, { AddAccount: [RECEIVER] }, code, 403);
    assert.ok(message.includes(lacking), message);
    await withdrawRole(cloud);
  }
  await allowSharing(cloud, keyId, { document: document(['kms:DescribeKey', 'kms:Decrypt']) });
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
});

test('M22: without the role, with plain ecs.aliyuncs.com in its trust, or another receiver, sharing is refused', async () => {
  await using cloud = await openSharingCloud();
  const keyId = await keyOf(cloud);
  const imageId = await makeImage(cloud, { keyId });
  const add = { AddAccount: [RECEIVER] };
  const missing = await refused(cloud, imageId, add, 'AssumeRoleError', 403);
  assert.match(missing.message, /AliyunECSShareEncryptImageDefaultRole/);
  await allowSharing(cloud, keyId, { services: ['ecs.aliyuncs.com'] });
  const untrusted = await refused(cloud, imageId, add, 'AssumeRoleError', 403);
  assert.ok(untrusted.message.includes(`${RECEIVER}@ecs.aliyuncs.com`), 'it says what is missing');
  const [third = ''] = await makeAccounts(cloud, 1);
  await trust(cloud, [third]);
  await refused(cloud, imageId, add, 'AssumeRoleError', 403);
  await refused(cloud, imageId, { AddAccount: [third, RECEIVER] }, 'AssumeRoleError', 403);
  await trust(cloud, [third, RECEIVER]);
  await share(cloud, imageId, { AddAccount: [third, RECEIVER] });
  assert.deepEqual(await receiversOf(cloud, imageId), [RECEIVER, third].toSorted());
});

test('M22: a policy for another key, or for the same key id in another region, does not do', async () => {
  await using cloud = await openSharingCloud();
  const [keyId, other] = [await keyOf(cloud), await keyOf(cloud)];
  const imageId = await makeImage(cloud, { keyId });
  await allowSharing(cloud, other);
  const code = 'InvalidParameter.KMSKeyId.CMKUnauthorized';
  await refused(cloud, imageId, { AddAccount: [RECEIVER] }, code, 403);
  await withdrawRole(cloud);
  const elsewhere = sharingPolicyFor(SHARER, keyId).replaceAll('cn-beijing', 'cn-hongkong');
  await allowSharing(cloud, keyId, { document: elsewhere });
  await refused(cloud, imageId, { AddAccount: [RECEIVER] }, code, 403);
});

test('M21: encrypted images are shared in Beijing, Shanghai, Hong Kong and Singapore only; unencrypted ones anywhere', async () => {
  await using cloud = await openSharingCloud();
  await cloud.openKms();
  const keyId = await cloud.createKey();
  await allowSharing(cloud, keyId, {
    document: sharingPolicyFor(SHARER, keyId).replaceAll('cn-beijing', REGION),
  });
  const here = { region: REGION, zone: ZONE };
  const encrypted = await makeImage(cloud, { keyId, ...here });
  const add = { AddAccount: [RECEIVER] };
  await refused(cloud, encrypted, add, 'OperationDeined.EncryptedSnapshot', 403, REGION);
  const plain = await makeImage(cloud, { keyId: null, ...here });
  await share(cloud, plain, add, REGION);
  assert.deepEqual(await receiversOf(cloud, plain), [RECEIVER]);
  const { sharingRegions } = cloud.parts.limits;
  assert.deepEqual(sharingRegions.toSorted(), ['ap-southeast-1', 'cn-beijing', 'cn-hongkong', 'cn-shanghai']);
});

test('an unencrypted image needs no role, with data disks or without', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null, dataDisks: 1 });
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  assert.deepEqual(await receiversOf(cloud, imageId), [RECEIVER]);
});

test('an encrypted image with data disks, and one under the service key, cannot be shared', async () => {
  await using cloud = await openSharingCloud();
  const keyId = await keyOf(cloud);
  await allowSharing(cloud, keyId);
  const full = await makeImage(cloud, { keyId, dataDisks: 1 });
  await refused(cloud, full, { AddAccount: [RECEIVER] }, 'OperationDeined.FullImage', 403);
  const underServiceKey = await makeImage(cloud);
  const code = 'InvalidOperation.ServiceKeyEncryptedImageUnsupported';
  await refused(cloud, underServiceKey, { AddAccount: [RECEIVER] }, code, 403);
});

test('a key that is disabled, waits for its deletion or is gone shares nothing new, and taking back goes on', async () => {
  await using cloud = await openSharingCloud();
  const [third = ''] = await makeAccounts(cloud, 1);
  const keyId = await keyOf(cloud);
  await allowSharing(cloud, keyId);
  await trust(cloud, [RECEIVER, third]);
  const imageId = await makeImage(cloud, { keyId });
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  const scope = { accountId: SHARER, regionId: SHARING_REGION };
  const closed = () => refused(cloud, imageId, { AddAccount: [third] }, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.kms.keys.disable(scope, keyId);
  await closed();
  await cloud.kms.keys.enable(scope, keyId);
  await cloud.kms.keys.scheduleDeletion(scope, keyId, 7);
  await closed();
  cloud.clock.now += 8 * 24 * 60 * 60 * 1000;
  await cloud.kms.destruction.destroyDue();
  await closed();
  await withdrawRole(cloud);
  await share(cloud, imageId, { RemoveAccount: [RECEIVER] });
  assert.deepEqual(await receiversOf(cloud, imageId), []);
});

test('not to oneself, not to nobody, not to more than fifty; of each list the first ten count', async () => {
  await using cloud = await openSharingCloud();
  const accounts = await makeAccounts(cloud, 51);
  const imageId = await makeImage(cloud, { keyId: null });
  await refused(cloud, imageId, { AddAccount: [SHARER] }, 'InvalidAccount.Forbbiden', 404);
  await refused(cloud, imageId, { AddAccount: [RECEIVER, '4000000000000000'] }, 'InvalidAccount.NotFound', 404);
  await refused(cloud, imageId, { AddAccount: ['nobody'] }, 'InvalidAccount.NotFound', 404);
  await refused(cloud, imageId, {}, 'MissingParameter', 400);
  await share(cloud, imageId, { AddAccount: accounts.slice(0, 12) });
  assert.deepEqual(await receiversOf(cloud, imageId), accounts.slice(0, 10));
  for (const from of [10, 20, 30, 40]) await share(cloud, imageId, { AddAccount: accounts.slice(from, from + 10) });
  assert.equal((await receiversOf(cloud, imageId)).length, 50);
  await refused(cloud, imageId, { AddAccount: accounts.slice(50) }, 'QuotaExceed.ShareImageUser', 403);
  await share(cloud, imageId, { AddAccount: accounts.slice(50), RemoveAccount: accounts.slice(0, 11) });
  const left = await receiversOf(cloud, imageId);
  assert.equal(left.length, 41);
  assert.ok(left.includes(accounts[10] ?? ''), 'the eleventh was not taken back');
});

test('however many calls share an image at once, it is shared with fifty at most, and each call as a whole', async () => {
  await using cloud = await openSharingCloud();
  const accounts = await makeAccounts(cloud, 80);
  const imageId = await makeImage(cloud, { keyId: null });
  const calls = Array.from({ length: 8 }, (_, index) => accounts.slice(index * 10, index * 10 + 10));
  const outcomes = await Promise.allSettled(calls.map((AddAccount) => share(cloud, imageId, { AddAccount })));
  const done = calls.filter((_, index) => outcomes[index]?.status === 'fulfilled').flat();
  assert.equal(done.length, 50);
  assert.deepEqual(await receiversOf(cloud, imageId), done);
});

test('an account that is to be added and removed in one call is removed', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null });
  await share(cloud, imageId, { AddAccount: [RECEIVER], RemoveAccount: [RECEIVER] });
  assert.deepEqual(await receiversOf(cloud, imageId), []);
});

test('a deprecated or unfinished image, groups and community images are refused', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null });
  const add = { AddAccount: [RECEIVER] };
  const become = (status: 'Deprecated' | 'Creating') =>
    cloud.database.transact((transaction) => updateImage(transaction, imageId, { status }));
  await become('Deprecated');
  await refused(cloud, imageId, add, 'OperationDenied.InvalidImageStatus', 403);
  await become('Creating');
  await refused(cloud, imageId, add, 'IncorrectImageStatus', 400);
  await refused(cloud, imageId, { LaunchPermission: 'all' }, 'InvalidGroup.Malformed', 400);
  await refused(cloud, imageId, { IsPublic: true }, 'InvalidParameter.IsPublic', 403);
  await share(cloud, imageId, { IsPublic: false });
});

test('DryRun checks everything and changes nothing', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null });
  await share(cloud, imageId, { AddAccount: [RECEIVER] });
  await refused(cloud, imageId, { RemoveAccount: [RECEIVER], DryRun: true }, 'DryRunOperation', 400);
  await refused(cloud, imageId, { AddAccount: [SHARER], DryRun: true }, 'InvalidAccount.Forbbiden', 404);
});

test('other accounts’ images, images of other regions and unknown ones are not found, shared with one or not', async () => {
  await using cloud = await openSharingCloud();
  const imageId = await makeImage(cloud, { keyId: null, account: RECEIVER });
  const add = { AddAccount: [RECEIVER] };
  await refused(cloud, imageId, add, 'InvalidImageId.NotFound', 404);
  await refused(cloud, 'm-2ze00000000000000000', add, 'InvalidImageId.NotFound', 404);
  const own = await makeImage(cloud, { keyId: null });
  await refused(cloud, own, add, 'InvalidImageId.NotFound', 404, REGION);
  await refused(cloud, own, add, 'InvalidRegionId.NotFound', 404, 'cn-nowhere');
});
