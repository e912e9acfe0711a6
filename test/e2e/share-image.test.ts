// Two accounts through the vendor's own SDKs: one shares an encrypted image, the other one receives it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as ecs from '@alicloud/ecs20140526';
import * as ram from '@alicloud/ram20150501';

import { SHARING_ROLE } from '../../src/kms/receiver-keys.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { sharingPolicyFor } from '../ram/policy/sharing-policy.ts';
import { Api, unixAddress } from '../support/api.ts';
import { ecsClient, ramClient, type EcsClient } from '../support/sdk-clients.ts';
import { TestServer, type Credentials } from '../support/start-server.ts';

const REGION = 'cn-beijing';
const ZONE = 'cn-beijing-a';
const HERE = { RegionId: REGION };
const BYTES = Buffer.alloc(4096, 'bytes of the sharer ');

interface World {
  readonly server: TestServer;
  readonly api: Api;
  readonly sharer: EcsClient;
  readonly receiver: EcsClient;
  readonly receiverId: string;
  readonly keyId: string;
  readonly imageId: string;
}

/** An encrypted image with `BYTES` in it, and another account. */
async function prepare(server: TestServer): Promise<World> {
  const api = new Api(server);
  await api.call('kms', 'OpenKmsService', HERE);
  await api.authorizeDiskEncryption();
  const { KeyMetadata } = await api.call<{ KeyMetadata: { KeyId: string } }>('kms', 'CreateKey', HERE);
  const keyId = KeyMetadata.KeyId;
  const diskId = await api.createDisk({ ...HERE, ZoneId: ZONE });
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  await client.write(0, BYTES, { fua: true });
  await client.disconnect();
  await api.unexport(exported.ExportId);
  const snapshotId = await api.createSnapshot(diskId);
  const { ImageId: imageId } = await api.call<{ ImageId: string }>('ecs', 'CreateImage', {
    ...HERE,
    'DiskDeviceMapping.1.SnapshotId': snapshotId,
    'DiskDeviceMapping.1.DiskType': 'system',
  });
  // Encrypts the snapshots of the disk with it, and by that the image.
  await server.json('disk', 'rotate-key', diskId, '--key', keyId);
  const { accountId: receiverId, ...keys } = await server.json<Credentials>('account', 'create', '--region', REGION);
  const target = { ...server.endpoint, regionId: REGION };
  const [sharer, receiver] = [ecsClient(target), ecsClient({ ...target, ...keys })];
  return { server, api, sharer, receiver, receiverId, keyId, imageId };
}

/** The sharing role, as the reference document has it made. */
async function authorize({ server, receiverId, keyId }: World): Promise<void> {
  const client = ramClient(server.endpoint);
  const trust = {
    Version: '1',
    Statement: [
      { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: [`${receiverId}@ecs.aliyuncs.com`] } },
    ],
  };
  const roleName = SHARING_ROLE;
  const assumeRolePolicyDocument = JSON.stringify(trust);
  await client.createRole(new ram.CreateRoleRequest({ roleName, assumeRolePolicyDocument }));
  const policyDocument = sharingPolicyFor(server.credentials.accountId, keyId);
  await client.createPolicy(new ram.CreatePolicyRequest({ policyName: 'share', policyDocument }));
  const attachment = { roleName, policyType: 'Custom', policyName: 'share' };
  await client.attachPolicyToRole(new ram.AttachPolicyToRoleRequest(attachment));
}

const change = (client: EcsClient, imageId: string, accounts: object) =>
  client.modifyImageSharePermission(
    new ecs.ModifyImageSharePermissionRequest({ regionId: REGION, imageId, ...accounts }),
  );

async function seen(client: EcsClient): Promise<(string | undefined)[]> {
  const request = new ecs.DescribeImagesRequest({ regionId: REGION, imageOwnerAlias: 'others' });
  const { body } = await client.describeImages(request);
  return (body?.images?.image ?? []).map(({ imageId }) => imageId);
}

test('M22 M25: sharing needs the role; the receiver finds the image, its owner is told how it stands, and unsharing hides it', async () => {
  await using server = await TestServer.start();
  const world = await prepare(server);
  const { sharer, receiver, receiverId, imageId, api, keyId } = world;
  const add = { addAccount: [receiverId] };
  await assert.rejects(change(sharer, imageId, add), { code: 'AssumeRoleError', statusCode: 403 });
  assert.deepEqual(await seen(receiver), []);
  await authorize(world);
  await change(sharer, imageId, add);
  assert.deepEqual(await seen(receiver), [imageId]);
  const describe = new ecs.DescribeImageSharePermissionRequest({ regionId: REGION, imageId });
  const { body } = await sharer.describeImageSharePermission(describe);
  assert.deepEqual(
    body?.accounts?.account?.map(({ aliyunId }) => aliyunId),
    [receiverId],
  );
  await assert.rejects(receiver.describeImageSharePermission(describe), { code: 'InvalidImageId.NotFound' });

  const shown = await server.sealdisk('image', 'sharing', imageId);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, new RegExp(`encrypted under KMS key ${keyId}`));
  assert.match(shown.stdout, new RegExp(`shared with ${receiverId} since .*: usable`));
  assert.match(shown.stdout, /advice: The key of image .* is used for more than this image: 1 other disk\. /);
  await api.call('kms', 'DisableKey', { ...HERE, KeyId: keyId });
  const closed = await server.sealdisk('image', 'sharing', imageId);
  assert.equal(closed.code, 1);
  assert.match(closed.stdout, /not usable\. The key of the image is Disabled/);
  assert.deepEqual(await seen(receiver), [imageId]);

  await change(sharer, imageId, { removeAccount: [receiverId] });
  assert.deepEqual(await seen(receiver), []);
  await api.call('kms', 'EnableKey', { ...HERE, KeyId: keyId });
  const again = await server.sealdisk('image', 'share', imageId, receiverId);
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(await seen(receiver), [imageId]);
  const taken = await server.sealdisk('image', 'unshare', imageId, receiverId);
  assert.match(taken.stdout, /shared with nobody/);
  assert.deepEqual(await seen(receiver), []);
});
