// Default encryption, attributes and tags, by the vendor's own SDK against the whole server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import Ecs, * as ecs from '@alicloud/ecs20140526';
import { Config } from '@alicloud/openapi-client';

import { Api, REGION, ZONE } from '../support/api.ts';
import { TestServer } from '../support/start-server.ts';

function clientOf(server: TestServer) {
  const { accessKeyId, accessKeySecret } = server.credentials;
  const endpoint = `127.0.0.1:${server.apiPort}`;
  return new Ecs.default(
    new Config({ accessKeyId, accessKeySecret, endpoint, protocol: 'http', regionId: REGION }) as never,
  );
}

const regionId = REGION;

test('the ECS SDK switches default encryption on, and it outlives the server', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  await api.authorizeDiskEncryption();
  const keyId = await api.createKey();
  const client = clientOf(server);
  await client.enableDiskEncryptionByDefault(new ecs.EnableDiskEncryptionByDefaultRequest({ regionId }));
  await client.modifyDiskDefaultKMSKeyId(new ecs.ModifyDiskDefaultKMSKeyIdRequest({ regionId, KMSKeyId: keyId }));
  await server.kill('SIGKILL');
  await server.start();
  const again = clientOf(server);
  const status = await again.describeDiskEncryptionByDefaultStatus(
    new ecs.DescribeDiskEncryptionByDefaultStatusRequest({ regionId }),
  );
  assert.equal(status.body?.encrypted, true);
  const key = await again.describeDiskDefaultKMSKeyId(new ecs.DescribeDiskDefaultKMSKeyIdRequest({ regionId }));
  assert.equal(key.body?.KMSKeyId, keyId);
  const disk = { regionId, zoneId: ZONE, diskCategory: 'cloud_essd', performanceLevel: 'PL0', size: 1 };
  const created = await again.createDisk(new ecs.CreateDiskRequest(disk));
  const found = await again.describeDisks(new ecs.DescribeDisksRequest({ regionId, KMSKeyId: keyId }));
  assert.deepEqual(
    found.body?.disks?.disk?.map((one) => [one.diskId, one.encrypted]),
    [[created.body?.diskId, true]],
  );
  await assert.rejects(again.createDisk(new ecs.CreateDiskRequest({ ...disk, encrypted: false })), {
    code: 'InvalidEncrypted.NotMatchDiskDefaultEncryption',
  });
  await again.resetDiskDefaultKMSKeyId(new ecs.ResetDiskDefaultKMSKeyIdRequest({ regionId }));
  await again.disableDiskEncryptionByDefault(new ecs.DisableDiskEncryptionByDefaultRequest({ regionId }));
  const plain = await again.createDisk(new ecs.CreateDiskRequest(disk));
  const [shown] =
    (await again.describeDisks(new ecs.DescribeDisksRequest({ regionId, diskIds: `["${plain.body?.diskId}"]` }))).body
      ?.disks?.disk ?? [];
  assert.equal(shown?.encrypted, false);
});

test('the ECS SDK changes attributes and tags', async () => {
  await using server = await TestServer.start();
  const client = clientOf(server);
  const diskId = await new Api(server).createDisk();
  await client.modifyDiskAttribute(new ecs.ModifyDiskAttributeRequest({ diskIds: [diskId], diskName: 'renamed' }));
  await client.tagResources(
    new ecs.TagResourcesRequest({
      regionId,
      resourceType: 'disk',
      resourceId: [diskId],
      tag: [
        new ecs.TagResourcesRequestTag({ key: 'env', value: 'prod' }),
        new ecs.TagResourcesRequestTag({ key: '团队', value: '' }),
      ],
    }),
  );
  const query = new ecs.ListTagResourcesRequest({ regionId, resourceType: 'disk', resourceId: [diskId] });
  const listed = await client.listTagResources(query);
  assert.deepEqual(
    listed.body?.tagResources?.tagResource?.map((one) => [one.resourceId, one.tagKey, one.tagValue]),
    [
      [diskId, 'env', 'prod'],
      [diskId, '团队', ''],
    ],
  );
  const uses = await client.describeTags(new ecs.DescribeTagsRequest({ regionId, resourceType: 'disk' }));
  assert.deepEqual(
    uses.body?.tags?.tag?.map((one) => [one.tagKey, one.resourceTypeCount?.disk]),
    [
      ['env', 1],
      ['团队', 1],
    ],
  );
  await client.untagResources(
    new ecs.UntagResourcesRequest({ regionId, resourceType: 'disk', resourceId: [diskId], all: true }),
  );
  const [disk] =
    (await client.describeDisks(new ecs.DescribeDisksRequest({ regionId, diskIds: `["${diskId}"]` }))).body?.disks
      ?.disk ?? [];
  assert.deepEqual([disk?.diskName, disk?.tags?.tag], ['renamed', []]);
});

test('an empty description takes the one of a snapshot away', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  const { DiskId } = await api.exportDisk(await api.createDisk());
  const { SnapshotId } = await api.call<{ SnapshotId: string }>('ecs', 'CreateSnapshot', {
    DiskId,
    Description: 'old',
  });
  await api.call('ecs', 'ModifySnapshotAttribute', { SnapshotId, Description: '' });
  const { Snapshots } = await api.call<{ Snapshots: { Snapshot: readonly { Description: string }[] } }>(
    'ecs',
    'DescribeSnapshots',
  );
  assert.deepEqual(
    Snapshots.Snapshot.map((one) => one.Description),
    [''],
  );
});
