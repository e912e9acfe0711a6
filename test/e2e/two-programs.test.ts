// The control plane and the disk server, each killed while the other goes on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { NbdClient } from '../../src/nbd/client.ts';
import { Api, tlsAddress, unixAddress } from '../support/api.ts';
import { TestServer, until } from '../support/start-server.ts';

const BLOCK = 4096;

async function encryptedExport(
  server: TestServer,
): Promise<{ api: Api; exported: Awaited<ReturnType<Api['exportDisk']>> }> {
  const api = new Api(server);
  await api.openKms();
  return { api, exported: await api.exportDisk(await api.createDisk({ Encrypted: 'true' })) };
}

test('killing the control plane interrupts no I/O, and its successor adopts the running disk server', async () => {
  await using server = await TestServer.start();
  const { api, exported } = await encryptedExport(server);
  const [diskServer = 0] = await server.diskServerPids();
  const commandLine = readFileSync(`/proc/${diskServer}/cmdline`, 'utf8');
  assert.ok(commandLine.includes('disk-server') && commandLine.includes(server.dataDirectory));

  const client = await NbdClient.connect(tlsAddress(exported), exported.ExportName);
  let written = 0;
  let stop = false;
  const writing = (async () => {
    while (!stop) {
      await client.write((written % 1000) * BLOCK, Buffer.alloc(BLOCK, (written % 255) + 1));
      written += 1;
      if (written % 50 === 0) await client.flush();
    }
  })();
  await until('writing to begin', () => written > 100);
  await server.kill('SIGKILL');
  const whenKilled = written;
  await until('writing to go on without a control plane', () => written > whenKilled + 500);
  await server.start();
  assert.deepEqual(await server.diskServerPids(), [diskServer]);
  const { Exports } = await api.call<{ Exports: { Export: { ExportId: string; Status: string }[] } }>(
    'sealdisk',
    'DescribeDiskExports',
  );
  assert.deepEqual(
    Exports.Export.map(({ ExportId, Status }) => [ExportId, Status]),
    [[exported.ExportId, 'Serving']],
  );
  const whenBack = written;
  await until('writing to go on', () => written > whenBack + 100);
  stop = true;
  await writing;
  await client.disconnect();
  await api.unexport(exported.ExportId);
});

test('a killed disk server is started again, and exports come back with the same id, name, sockets and secret', async () => {
  await using server = await TestServer.start();
  const { api, exported } = await encryptedExport(server);
  const first = await NbdClient.connect(tlsAddress(exported), exported.ExportName);
  await first.write(0, Buffer.alloc(BLOCK, 7), { fua: true });
  const [diskServer = 0] = await server.diskServerPids();
  process.kill(diskServer, 'SIGKILL');
  await until(
    'the connection to be lost',
    async () =>
      await first.flush().then(
        () => false,
        () => true,
      ),
  );
  for (const address of [tlsAddress(exported), unixAddress(exported)]) {
    let client: NbdClient | undefined;
    await until('the export to be back', async () => {
      client = await NbdClient.connect(address, exported.ExportName).catch(() => undefined);
      return client !== undefined;
    });
    assert.deepEqual(Buffer.from((await client?.read(0, BLOCK)) ?? []), Buffer.alloc(BLOCK, 7));
    await client?.disconnect();
  }
  const { Exports } = await api.call<{ Exports: { Export: { ExportId: string; Uri: string; UnixUri: string }[] } }>(
    'sealdisk',
    'DescribeDiskExports',
  );
  assert.deepEqual(
    Exports.Export.map(({ ExportId, Uri, UnixUri }) => ({ ExportId, Uri, UnixUri })),
    [{ ExportId: exported.ExportId, Uri: exported.Uri, UnixUri: exported.UnixUri }],
  );
});

test('both killed at once: the next start brings the exports back', async () => {
  await using server = await TestServer.start();
  const { exported } = await encryptedExport(server);
  const before = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  await before.write(BLOCK, Buffer.alloc(BLOCK, 9), { fua: true });
  const [diskServer = 0] = await server.diskServerPids();
  await server.kill('SIGKILL');
  process.kill(diskServer, 'SIGKILL');
  await server.start();
  let client: NbdClient | undefined;
  await until('the export to be back', async () => {
    client = await NbdClient.connect(unixAddress(exported), exported.ExportName).catch(() => undefined);
    return client !== undefined;
  });
  assert.deepEqual(Buffer.from((await client?.read(BLOCK, BLOCK)) ?? []), Buffer.alloc(BLOCK, 9));
  await client?.disconnect();
});

test('SIGTERM drains and stops both programs; with --keep-exports the disk server goes on', async () => {
  for (const keep of [false, true]) {
    await using server = await TestServer.start({ args: keep ? ['--keep-exports'] : [] });
    const { exported } = await encryptedExport(server);
    const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    await client.write(0, Buffer.alloc(BLOCK, 3));
    const [diskServer] = await server.diskServerPids();
    await server.kill('SIGTERM');
    await sleep(100);
    assert.deepEqual(await server.diskServerPids(), keep ? [diskServer] : []);
    if (keep) assert.deepEqual(Buffer.from(await client.read(0, BLOCK)), Buffer.alloc(BLOCK, 3));
    client.destroy();
    await server.start();
    let again: NbdClient | undefined;
    await until('the export to be back', async () => {
      again = await NbdClient.connect(unixAddress(exported), exported.ExportName).catch(() => undefined);
      return again !== undefined;
    });
    assert.deepEqual(Buffer.from((await again?.read(0, BLOCK)) ?? []), Buffer.alloc(BLOCK, 3));
    await again?.disconnect();
  }
});

test('a disk server that hangs makes calls that need it answer 503 within 10 s, and others go on', async () => {
  await using server = await TestServer.start();
  const { api, exported } = await encryptedExport(server);
  const [diskServer = 0] = await server.diskServerPids();
  process.kill(diskServer, 'SIGSTOP');
  try {
    const started = performance.now();
    await assert.rejects(api.unexport(exported.ExportId), { httpStatus: 503, code: 'ServiceUnavailable' });
    assert.ok(performance.now() - started < 10_000);
    await api.call('ecs', 'DescribeDisks');
  } finally {
    process.kill(diskServer, 'SIGCONT');
  }
  await api.unexport(exported.ExportId);
});
