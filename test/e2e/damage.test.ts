// One damaged disk: named, refused, and no trouble for the others.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress } from '../support/api.ts';
import { TestServer, until } from '../support/start-server.ts';

const BLOCK = 4096;

test('after a crash a damaged disk is quarantined, the others come back, and the damaged one returns when its file does', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  const exports = await Promise.all(
    [1, 2, 3].map(async () => api.exportDisk(await api.createDisk({ Encrypted: 'true' }))),
  );
  for (const [index, exported] of exports.entries()) {
    const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    await client.write(0, Buffer.alloc(BLOCK, index + 1), { fua: true });
    await client.disconnect();
  }
  const [damaged, ...healthy] = exports;
  assert.ok(damaged !== undefined);
  const [diskServer = 0] = await server.diskServerPids();
  const head = path.join(server.dataDirectory, 'disks', damaged.DiskId, 'head');
  process.kill(diskServer, 'SIGSTOP');
  const intact = readFileSync(head);
  writeFileSync(head, Buffer.alloc(intact.length, 0xa5));
  process.kill(diskServer, 'SIGKILL');

  for (const [index, exported] of healthy.entries()) {
    let client: NbdClient | undefined;
    await until('a healthy export to be back', async () => {
      client = await NbdClient.connect(unixAddress(exported), exported.ExportName).catch(() => undefined);
      return client !== undefined;
    });
    assert.deepEqual(Buffer.from((await client?.read(0, BLOCK)) ?? []), Buffer.alloc(BLOCK, index + 2));
    await client?.disconnect();
  }
  const statusOf = async (): Promise<string | undefined> => {
    const { Exports } = await api.call<{ Exports: { Export: { ExportId: string; Status: string }[] } }>(
      'sealdisk',
      'DescribeDiskExports',
    );
    return Exports.Export.find(({ ExportId }) => ExportId === damaged.ExportId)?.Status;
  };
  await until('the damaged one to be quarantined', async () => (await statusOf()) === 'Quarantined');
  await assert.rejects(NbdClient.connect(unixAddress(damaged), damaged.ExportName));

  await server.kill('SIGTERM');
  writeFileSync(head, intact);
  await server.start();
  await until('the repaired export to be back', async () => (await statusOf()) === 'Serving');
  const client = await NbdClient.connect(unixAddress(damaged), damaged.ExportName);
  assert.deepEqual(Buffer.from(await client.read(0, BLOCK)), Buffer.alloc(BLOCK, 1));
  await client.disconnect();
});

test('an older copy of a closed disk put back is refused and nothing of it is served', async () => {
  await using server = await TestServer.start();
  const { cpSync, rmSync } = await import('node:fs');
  const api = new Api(server);
  await api.openKms();
  const diskId = await api.createDisk({ Encrypted: 'true' });
  const write = async (value: number): Promise<void> => {
    const exported = await api.exportDisk(diskId);
    const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    await client.write(0, Buffer.alloc(BLOCK, value), { fua: true });
    await client.disconnect();
    await api.unexport(exported.ExportId);
  };
  await write(1);
  const directory = path.join(server.dataDirectory, 'disks', diskId);
  const copy = `${directory}.old`;
  cpSync(directory, copy, { recursive: true });
  await write(2);
  const newer = `${directory}.new`;
  cpSync(directory, newer, { recursive: true });
  rmSync(directory, { recursive: true });
  cpSync(copy, directory, { recursive: true });
  await assert.rejects(api.exportDisk(diskId), (error: { httpStatus?: number }) => (error.httpStatus ?? 0) >= 400);
  const { Disks } = await api.call<{ Disks: { Disk: { Status: string }[] } }>('ecs', 'DescribeDisks', {
    DiskIds: JSON.stringify([diskId]),
  });
  assert.equal(Disks.Disk[0]?.Status, 'Available');
  rmSync(directory, { recursive: true });
  cpSync(newer, directory, { recursive: true });
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  assert.deepEqual(Buffer.from(await client.read(0, BLOCK)), Buffer.alloc(BLOCK, 2));
  await client.disconnect();
});
