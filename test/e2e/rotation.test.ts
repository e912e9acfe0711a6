// Other data keys for disks through the vendor's SDK and the command line, with real bytes, while programs die.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import ecsSdk from '@alicloud/ecs20140526';

import { KiB, MiB } from '../../src/base/units.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress, type ExportAnswer } from '../support/api.ts';
import { ecsClient } from '../support/sdk-clients.ts';
import { TestServer, until } from '../support/start-server.ts';

const { CreateDiskRequest, DescribeDisksRequest } = ecsSdk;

const SIZE = 8 * MiB;
const PIECE = 64 * KiB;
const KILLS = 8;

interface Shown {
  readonly encrypted: boolean | undefined;
  readonly KMSKeyId: string | undefined;
}

async function readyServer(): Promise<{ server: TestServer; api: Api } & AsyncDisposable> {
  const server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  await api.authorizeDiskEncryption();
  return { server, api, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function shown(server: TestServer, diskId: string, regionId: string): Promise<Shown> {
  const request = new DescribeDisksRequest({ regionId, diskIds: JSON.stringify([diskId]) });
  const { body } = await ecsClient({ ...server.endpoint, regionId }).describeDisks(request);
  const disk = body?.disks?.disk?.[0];
  return { encrypted: disk?.encrypted, KMSKeyId: disk?.KMSKeyId };
}

const connect = (exported: ExportAnswer): Promise<NbdClient> =>
  NbdClient.connect(unixAddress(exported), exported.ExportName);

async function onDisk<T>(api: Api, diskId: string, work: (client: NbdClient) => Promise<T>): Promise<T> {
  const exported = await api.exportDisk(diskId);
  try {
    await using client = await connect(exported);
    return await work(client);
  } finally {
    await api.unexport(exported.ExportId);
  }
}

/** Until nothing of the disk opens under an earlier key. */
async function sealed(server: TestServer, diskId: string): Promise<void> {
  const { code, stderr } = await server.sealdisk('disk', 'reencryption', diskId, '--wait');
  assert.equal(code, 0, stderr);
}

test('M17: a disk that is encrypted as it is made from an unencrypted snapshot has the bytes of the snapshot, and stays when that goes', async () => {
  await using ready = await readyServer();
  const { server, api } = ready;
  const region = { RegionId: 'cn-hongkong', ZoneId: 'cn-hongkong-b' };
  await api.call('kms', 'OpenKmsService', { RegionId: region.RegionId });
  const plain = await api.createDisk(region);
  const content = randomBytes(SIZE);
  await onDisk(api, plain, async (client) => {
    await client.write(0, content);
    await client.flush();
  });
  const { SnapshotId: snapshotId } = await api.call<{ SnapshotId: string }>('ecs', 'CreateSnapshot', {
    RegionId: region.RegionId,
    DiskId: plain,
  });
  const { body } = await ecsClient({ ...server.endpoint, regionId: region.RegionId }).createDisk(
    new CreateDiskRequest({
      regionId: region.RegionId,
      zoneId: region.ZoneId,
      diskCategory: 'cloud_essd',
      performanceLevel: 'PL0',
      snapshotId,
      encrypted: true,
    }),
  );
  const diskId = body?.diskId ?? '';
  const { encrypted, KMSKeyId } = await shown(server, diskId, region.RegionId);
  assert.equal(encrypted, true);
  assert.ok(KMSKeyId !== undefined && KMSKeyId !== '');
  assert.equal((await shown(server, plain, region.RegionId)).encrypted, false);
  const exported = await api.exportDisk(diskId);
  {
    await using client = await connect(exported);
    assert.equal(Buffer.compare(await client.read(0, SIZE), content), 0);
    await client.write(0, new Uint8Array(PIECE).fill(7));
    await client.flush();
  }
  content.fill(7, 0, PIECE);
  await sealed(server, diskId);
  await api.unexport(exported.ExportId);
  await api.call('ecs', 'DeleteSnapshot', { SnapshotId: snapshotId, Force: 'true' });
  await api.call('ecs', 'DeleteDisk', { DiskId: plain });
  assert.equal(Buffer.compare(await onDisk(api, diskId, (client) => client.read(0, SIZE)), content), 0);
});

test('a plain disk becomes an SM4 disk and then an AES disk under its clients, and a snapshot goes with it', async () => {
  await using ready = await readyServer();
  const { server, api } = ready;
  const diskId = await api.createDisk();
  const exported = await api.exportDisk(diskId);
  const content = randomBytes(SIZE);
  await using client = await connect(exported);
  await client.write(0, content);
  const snapshotId = await api.createSnapshot(diskId);
  const kept = Buffer.from(content);
  for (const [round, spec] of ['Aliyun_SM4', 'Aliyun_AES_256'].entries()) {
    const keyId = await api.createKey(spec);
    const { code, stderr, stdout } = await server.sealdisk('disk', 'rotate-key', diskId, '--key', keyId);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`under KMS key ${keyId} \\(${spec === 'Aliyun_SM4' ? 'SM4-128' : 'AES-256'}\\)`));
    assert.deepEqual(await shown(server, diskId, 'cn-hangzhou'), { encrypted: true, KMSKeyId: keyId });
    await client.write(round * PIECE, new Uint8Array(PIECE).fill(round));
    content.fill(round, round * PIECE, (round + 1) * PIECE);
    assert.equal(Buffer.compare(await client.read(0, SIZE), content), 0, spec);
  }
  const { code, stderr } = await server.sealdisk('disk', 'rewrap-key', diskId);
  assert.equal(code, 0, stderr);
  const view = await api.call<ExportAnswer>('sealdisk', 'ExportSnapshot', { SnapshotId: snapshotId });
  await using old = await connect(view);
  assert.equal(Buffer.compare(await old.read(0, SIZE), kept), 0);
});

test('a server that is killed at any moment of a change opens its disk afterwards, and no flushed write is lost', async (context) => {
  await using ready = await readyServer();
  const { server, api } = ready;
  const keys = [await api.createKey(), await api.createKey('Aliyun_SM4')];
  const diskId = await api.createDisk({ Encrypted: 'true', KMSKeyId: keys[0] ?? '' });
  const exported = await api.exportDisk(diskId);
  const content = randomBytes(SIZE);
  {
    await using client = await connect(exported);
    await client.write(0, content);
    await client.flush();
  }
  let cutShort = 0;
  for (let round = 1; round <= KILLS; round++) {
    {
      await using client = await connect(exported);
      const rotating = api
        .call('sealdisk', 'RotateDiskDataKey', { DiskId: diskId, KMSKeyId: keys[round % 2] ?? '' })
        .then(
          () => true,
          () => false,
        );
      const at = (randomBytes(1).readUInt8() % (SIZE / PIECE)) * PIECE;
      const piece = randomBytes(PIECE);
      await client.write(at, piece);
      await client.flush();
      piece.copy(content, at);
      await sleep(randomBytes(1).readUInt8());
      // The control plane alone, the disk server alone, or both.
      const servers = round % 3 === 0 ? [] : await server.diskServerPids();
      if (round % 3 !== 1) await server.kill('SIGKILL');
      for (const pid of servers) process.kill(pid, 'SIGKILL');
      if (!(await rotating)) cutShort += 1;
    }
    if (round % 3 !== 1) await server.start();
    await until('the export to serve', async () => {
      const { Exports } = await api.call<{ Exports: { Export: { ExportId: string; Status: string }[] } }>(
        'sealdisk',
        'DescribeDiskExports',
      );
      return Exports.Export.some(({ ExportId, Status }) => ExportId === exported.ExportId && Status === 'Serving');
    });
    {
      await using client = await connect(exported);
      assert.equal(Buffer.compare(await client.read(0, SIZE), content), 0, `round ${round}`);
    }
    await sealed(server, diskId);
  }
  context.diagnostic(`${cutShort} of ${KILLS} changes were cut short`);
  await api.unexport(exported.ExportId);
  assert.equal(Buffer.compare(await onDisk(api, diskId, (client) => client.read(0, SIZE)), content), 0);
});
