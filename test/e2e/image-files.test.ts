// Images from files and to files, with qemu-img's own bytes on both sides.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import ecsSdk from '@alicloud/ecs20140526';

import { GiB, MiB } from '../../src/base/units.ts';
import { Api, REGION } from '../support/api.ts';
import { ecsClient } from '../support/sdk-clients.ts';
import { runProgram, TestServer, until } from '../support/start-server.ts';

const { DescribeImagesRequest, ExportImageRequest, ImportImageRequest, ImportImageRequestDiskDeviceMapping } = ecsSdk;
const hasQemuImg = (await runProgram('sh', ['-c', 'command -v qemu-img'])).code === 0;

async function qemuImg(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram('qemu-img', [...args]);
  assert.equal(code, 0, stderr);
}

test('a raw and a qcow2 file become an image, through kills, and the image becomes files with the same bytes', async (context) => {
  if (!hasQemuImg) return context.skip('qemu-img not installed');
  const root = mkdtempSync(path.join(tmpdir(), 'sealdisk-image-files-'));
  await using server = await TestServer.start({ environment: { SEALDISK_IMAGE_STORE: root } });
  context.after(() => rmSync(root, { recursive: true }));
  const api = new Api(server);
  const { AccountId } = await api.call<{ AccountId: string }>('sts', 'GetCallerIdentity');
  const bucket = path.join(root, AccountId, 'images');
  mkdirSync(bucket, { recursive: true });
  const inBucket = (name: string): string => path.join(bucket, name);
  for (const name of ['system.raw', 'data.raw']) {
    writeFileSync(inBucket(name), randomBytes(24 * MiB));
    truncateSync(inBucket(name), GiB);
  }
  await qemuImg('convert', '-f', 'raw', '-O', 'qcow2', inBucket('data.raw'), inBucket('data.qcow2'));
  const client = ecsClient(server.endpoint);
  const mapping = (OSSObject: string) => new ImportImageRequestDiskDeviceMapping({ OSSBucket: 'images', OSSObject });
  const begun = await client.importImage(
    new ImportImageRequest({ regionId: REGION, diskDeviceMapping: ['system.raw', 'data.qcow2'].map(mapping) }),
  );
  const imageId = begun.body?.imageId ?? '';
  await server.kill('SIGKILL');
  await server.start();
  const shown = async () => {
    const request = new DescribeImagesRequest({ regionId: REGION, imageId, status: 'ALL' });
    return (await ecsClient(server.endpoint).describeImages(request)).body?.images?.image?.[0];
  };
  await until('the import to end', async () => (await shown())?.status !== 'Creating', 60);
  const image = await shown();
  assert.equal(image?.status, 'Available');
  assert.deepEqual(
    image.diskDeviceMappings?.diskDeviceMapping?.map((one) => [one.device, one.size, one.format, one.importOSSObject]),
    [
      ['/dev/xvda', '1', 'RAW', 'system.raw'],
      ['/dev/xvdb', '1', 'QCOW2', 'data.qcow2'],
    ],
  );
  for (const [imageFormat, prefix] of [
    ['raw', ''],
    ['qcow2', 'second'],
  ] as const) {
    await ecsClient(server.endpoint).exportImage(
      new ExportImageRequest({
        regionId: REGION,
        imageId,
        OSSBucket: 'images',
        imageFormat,
        ...(prefix && { OSSPrefix: prefix }),
      }),
    );
    if (imageFormat === 'raw') {
      await server.kill('SIGKILL');
      await server.start();
    }
    const name = (disk: string): string => inBucket(`${prefix && `${prefix}_`}${imageId}_${disk}.${imageFormat}`);
    // The data disk is the last one that is written.
    const isThere = async (): Promise<boolean> => (await runProgram('test', ['-e', name('data_xvdb')])).code === 0;
    await until('the export to end', isThere, 60);
    for (const [disk, file] of [
      ['system', 'system.raw'],
      ['data_xvdb', 'data.raw'],
    ] as const)
      await qemuImg('compare', '-f', imageFormat, '-F', 'raw', name(disk), inBucket(file));
    if (imageFormat === 'raw') assert.deepEqual(readFileSync(name('system')), readFileSync(inBucket('system.raw')));
  }
});

test('a qcow2 file that refers to another file shows nothing of it', async (context) => {
  if (!hasQemuImg) return context.skip('qemu-img not installed');
  const root = mkdtempSync(path.join(tmpdir(), 'sealdisk-image-files-'));
  context.after(() => rmSync(root, { recursive: true }));
  await using server = await TestServer.start({ environment: { SEALDISK_IMAGE_STORE: root } });
  const api = new Api(server);
  const { AccountId } = await api.call<{ AccountId: string }>('sts', 'GetCallerIdentity');
  const bucket = path.join(root, AccountId, 'images');
  mkdirSync(bucket, { recursive: true });
  const secret = path.join(root, 'secret');
  writeFileSync(secret, randomBytes(MiB));
  await qemuImg('create', '-f', 'qcow2', '-b', secret, '-F', 'raw', path.join(bucket, 'backed.qcow2'));
  await qemuImg('create', '-f', 'qcow2', '-o', `data_file=${secret}.data`, path.join(bucket, 'outside.qcow2'), '1M');
  writeFileSync(path.join(bucket, 'text.qcow2'), 'no qcow2 at all');
  for (const OSSObject of ['backed.qcow2', 'outside.qcow2', 'text.qcow2'])
    await assert.rejects(
      api.call('ecs', 'ImportImage', {
        'DiskDeviceMapping.1.OSSBucket': 'images',
        'DiskDeviceMapping.1.OSSObject': OSSObject,
        'DiskDeviceMapping.1.Format': 'QCOW2',
      }),
      (error: { code?: string; message?: string }) =>
        error.code === 'InvalidImageFormat.Malformed' && error.message?.includes(root) === false,
      OSSObject,
    );
});
