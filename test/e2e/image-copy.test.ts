// Images through the vendor's SDK, with real bytes, while the control plane is killed.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';

import ecsSdk from '@alicloud/ecs20140526';

import { MiB } from '../../src/base/units.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { Api, REGION, unixAddress } from '../support/api.ts';
import { ecsClient } from '../support/sdk-clients.ts';
import { TestServer, until } from '../support/start-server.ts';

const { CopyImageRequest, CreateImageRequest, CreateImageRequestDiskDeviceMapping, DescribeImagesRequest } = ecsSdk;
const { DeleteImageRequest } = ecsSdk;

const SIZE = 24 * MiB;
const ELSEWHERE = 'cn-beijing';
const KILLS = 3;

async function onDisk<T>(api: Api, diskId: string, work: (client: NbdClient) => Promise<T>): Promise<T> {
  const exported = await api.exportDisk(diskId);
  try {
    await using client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    return await work(client);
  } finally {
    await api.unexport(exported.ExportId);
  }
}

async function imageOf(server: TestServer, regionId: string, imageId: string) {
  const request = new DescribeImagesRequest({ regionId, imageId, status: 'ALL' });
  const { body } = await ecsClient({ ...server.endpoint, regionId }).describeImages(request);
  return body?.images?.image?.[0];
}

test('M18a: an encrypted image is copied to another region and key, through kills, and needs nothing of its source any more', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  await api.call('kms', 'OpenKmsService', { RegionId: ELSEWHERE });
  await api.authorizeDiskEncryption();
  const keyId = await api.createKey();
  const made = await api.call<{ KeyMetadata: { KeyId: string } }>('kms', 'CreateKey', {
    RegionId: ELSEWHERE,
    KeySpec: 'Aliyun_SM4',
  });
  const otherKeyId = made.KeyMetadata.KeyId;
  const content = randomBytes(SIZE);
  const disks = [await api.createDisk(), await api.createDisk({ Encrypted: 'true', KMSKeyId: keyId })];
  const snapshots = [];
  for (const diskId of disks) {
    await onDisk(api, diskId, async (client) => {
      await client.write(0, content);
      await client.flush();
    });
    snapshots.push(await api.createSnapshot(diskId));
  }
  const client = ecsClient(server.endpoint);
  const [plainId, encryptedId] = snapshots;
  const image = await client.createImage(
    new CreateImageRequest({
      regionId: REGION,
      imageName: 'source',
      diskDeviceMapping: [
        new CreateImageRequestDiskDeviceMapping({ snapshotId: plainId, diskType: 'system' }),
        new CreateImageRequestDiskDeviceMapping({ snapshotId: encryptedId }),
      ],
    }),
  );
  const source = image.body?.imageId ?? '';
  const shown = await imageOf(server, REGION, source);
  assert.deepEqual(
    shown?.diskDeviceMappings?.diskDeviceMapping?.map(({ device, type, encrypted }) => [device, type, encrypted]),
    [
      ['/dev/xvda', 'system', false],
      ['/dev/xvdb', 'data', true],
    ],
  );
  const begun = await client.copyImage(
    new CopyImageRequest({
      regionId: REGION,
      imageId: source,
      destinationRegionId: ELSEWHERE,
      encrypted: true,
      KMSKeyId: otherKeyId,
    }),
  );
  const copyId = begun.body?.imageId ?? '';
  for (let kill = 0; kill < KILLS; kill += 1) {
    await server.kill('SIGKILL');
    await server.start();
  }
  await until('the copy to end', async () => (await imageOf(server, ELSEWHERE, copyId))?.status !== 'Creating', 90);
  const copy = await imageOf(server, ELSEWHERE, copyId);
  assert.deepEqual([copy?.status, copy?.progress, copy?.isCopied], ['Available', '100%', true]);
  const mappings = copy?.diskDeviceMappings?.diskDeviceMapping ?? [];
  assert.deepEqual(
    mappings.map(({ encrypted }) => encrypted),
    [true, true],
  );

  await client.deleteImage(new DeleteImageRequest({ regionId: REGION, imageId: source }));
  for (const SnapshotId of snapshots) await api.call('ecs', 'DeleteSnapshot', { SnapshotId });
  for (const DiskId of disks) await api.call('ecs', 'DeleteDisk', { DiskId });
  await api.call('kms', 'DisableKey', { KeyId: keyId });
  for (const { snapshotId = '' } of mappings) {
    const { Snapshots } = await api.call<{ Snapshots: { Snapshot: { KMSKeyId: string }[] } }>(
      'ecs',
      'DescribeSnapshots',
      {
        RegionId: ELSEWHERE,
        SnapshotIds: JSON.stringify([snapshotId]),
      },
    );
    assert.equal(Snapshots.Snapshot[0]?.KMSKeyId, otherKeyId);
    const diskId = await api.createDisk({ RegionId: ELSEWHERE, ZoneId: 'cn-beijing-a', SnapshotId: snapshotId });
    assert.equal(Buffer.compare(await onDisk(api, diskId, (nbd) => nbd.read(0, SIZE)), content), 0);
  }
});
