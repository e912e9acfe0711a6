// `sealdisk fsck`: what it says of whole and damaged disks, and the disk that it makes of the rest.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress } from '../support/api.ts';
import { runProgram, SEALDISK, TestServer } from '../support/start-server.ts';

const BLOCK = 4096;

const fsck = (server: TestServer, ...args: string[]) =>
  runProgram(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    SEALDISK,
    'fsck',
    ...args,
    '--data-dir',
    server.dataDirectory,
  ]);

async function writeBlocks(api: Api, diskId: string, values: readonly number[]): Promise<void> {
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  for (const [block, value] of values.entries())
    await client.write(block * BLOCK, Buffer.alloc(BLOCK, value), { fua: false });
  await client.disconnect();
  await api.unexport(exported.ExportId);
}

async function readBlocks(api: Api, diskId: string, count: number): Promise<number[]> {
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  const bytes = Buffer.from(await client.read(0, count * BLOCK));
  await client.disconnect();
  await api.unexport(exported.ExportId);
  return Array.from({ length: count }, (_, block) => bytes[block * BLOCK] ?? -1);
}

test('fsck checks a stopped server’s disks with and without keys, and rebuilds one without head and tables', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  const diskId = await api.createDisk({ Encrypted: 'true' });
  const plainId = await api.createDisk();
  await writeBlocks(api, diskId, [1, 2, 3]);
  await writeBlocks(api, diskId, [1, 20]);
  await writeBlocks(api, plainId, [9]);
  const running = await fsck(server, diskId);
  assert.equal(running.code, 5, 'a server runs');
  assert.match(running.stderr, /LOCKED/);
  await server.kill('SIGTERM');

  const directory = path.join(server.dataDirectory, 'disks', diskId);
  for (const [disk, finding] of [
    [diskId, /no damage[\s\S]*closed in order/],
    [directory, /no damage/],
    [plainId, /no damage/],
  ] as const) {
    const { code, stdout, stderr } = await fsck(server, disk);
    assert.equal(code, 0, stderr);
    assert.match(stdout, finding);
  }
  const keyless = await fsck(server, diskId, '--no-keys');
  assert.equal(keyless.code, 0, keyless.stderr);
  assert.match(keyless.stdout, /only checksums and copies/);

  for (const name of ['head', 'tables']) rmSync(path.join(directory, name), { recursive: true });
  const before = readdirSync(directory, { recursive: true });
  const refused = await fsck(server, diskId);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /does not open[\s\S]*what verifies: no head, 0 tables[\s\S]*--rebuild/);
  assert.deepEqual(readdirSync(directory, { recursive: true }), before, 'a check changes nothing');
  const rebuilt = await fsck(server, diskId, '--rebuild', '--json');
  const { aside, lost } = (JSON.parse(rebuilt.stdout) as { rebuilt: { aside: string; lost: string[] } }).rebuilt;
  assert.equal(aside, path.join(server.dataDirectory, 'damaged', diskId));
  assert.deepEqual(
    lost.filter((sentence) => !sentence.startsWith('head')),
    [],
  );
  assert.deepEqual(readdirSync(aside, { recursive: true }), before);
  assert.equal((await fsck(server, diskId)).code, 0);

  await server.start();
  assert.deepEqual(await readBlocks(api, diskId, 4), [1, 20, 3, 0]);
  assert.deepEqual(await readBlocks(api, plainId, 1), [9]);
});

test('a disk that the database does not know is opened by the wrapped key in its head, or by a copy of it', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  await api.createDisk({ Encrypted: 'true' });
  await server.kill('SIGTERM');
  const database = path.join(server.dataDirectory, 'metadata.db');
  const older = readFileSync(database);
  await server.start();
  const diskId = await api.createDisk({ Encrypted: 'true' });
  await writeBlocks(api, diskId, [5]);
  await server.kill('SIGTERM');
  for (const suffix of ['-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true });
  writeFileSync(database, older);
  const found = await fsck(server, diskId);
  assert.equal(found.code, 0, found.stderr);

  const head = path.join(server.dataDirectory, 'disks', diskId, 'head');
  const bytes = readFileSync(head);
  const copy = path.join(server.dataDirectory, 'wrapped-key');
  writeFileSync(copy, bytes.subarray(274, 274 + bytes.readUInt16LE(272)));
  rmSync(head);
  const unknown = await fsck(server, diskId, '--rebuild');
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /give --wrapped-key/);
  const rebuilt = await fsck(server, diskId, '--rebuild', '--wrapped-key', copy, '--size', '20');
  assert.match(rebuilt.stdout, /was rebuilt and read back/, rebuilt.stderr);
  assert.equal((await fsck(server, diskId)).code, 0);
});

test('a flipped bit is named with its block, and another disk is left alone', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  const diskId = await api.createDisk({ Encrypted: 'true' });
  await writeBlocks(api, diskId, [1, 2, 3]);
  await server.kill('SIGTERM');
  const seg = path.join(server.dataDirectory, 'disks', diskId, 'seg');
  const copy = path.join(server.dataDirectory, 'copy');
  cpSync(seg, copy, { recursive: true });
  const [name = ''] = readdirSync(seg)
    .filter((file) => readFileSync(path.join(seg, file))[10] === 1)
    .sort((a, b) => statSync(path.join(seg, b)).size - statSync(path.join(seg, a)).size);
  const bytes = readFileSync(path.join(seg, name));
  bytes[1024 + 2 * 4128 + 7] = (bytes[1024 + 2 * 4128 + 7] ?? 0) ^ 4;
  writeFileSync(path.join(seg, name), bytes);
  const { code, stdout } = await fsck(server, diskId);
  assert.equal(code, 1);
  assert.match(stdout, new RegExp(`damaged[\\s\\S]*seg/${name}: block 1 .*lost: block 1 of the disk`));
});
