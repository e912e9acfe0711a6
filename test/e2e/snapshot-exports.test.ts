// Snapshots, bitmaps, growth and usage of a real server, as stock tools see them.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { MiB } from '../../src/base/units.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress, type ExportAnswer } from '../support/api.ts';
import { runProgram, SEALDISK, TestServer, until } from '../support/start-server.ts';

const BLOCK = 4096;
const tools = await Promise.all(
  ['nbdinfo', 'qemu-img', 'qemu-io'].map((tool) => runProgram('sh', ['-c', `command -v ${tool}`])),
);
const skip = tools.some(({ code }) => code !== 0) ? 'needs the packages libnbd-bin and qemu-utils' : false;

const cli = async (server: TestServer, ...args: string[]): Promise<string> => {
  const flags = ['--disable-warning=ExperimentalWarning', SEALDISK, ...args, '--data-dir', server.dataDirectory];
  const { code, stdout, stderr } = await runProgram(process.execPath, flags);
  assert.equal(code, 0, stderr);
  return stdout;
};

async function run(command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, args);
  assert.equal(code, 0, `${command}: ${stderr}`);
  return stdout;
}

/** Fills blocks with a byte, through a client of its own. */
async function fill(exported: ExportAnswer, blocks: readonly number[], byte: number): Promise<void> {
  await using client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  for (const block of blocks) await client.write(block * BLOCK, Buffer.alloc(BLOCK, byte), { fua: false });
  await client.flush();
}

/** The dirty ranges that nbdinfo finds, as [offset, length] in blocks. */
async function dirty(uri: string, bitmap: string): Promise<number[][]> {
  const map = await run('nbdinfo', '--json', `--map=qemu:dirty-bitmap:${bitmap}`, uri);
  const extents = JSON.parse(map) as { offset: number; length: number; type: number; description: string }[];
  for (const { type, description } of extents) assert.equal(description, type === 1 ? 'dirty' : 'clean');
  return extents.filter(({ type }) => type === 1).map(({ offset, length }) => [offset / BLOCK, length / BLOCK]);
}

test(
  'what changed since a snapshot is a bitmap of its disk, and between snapshots one of their export',
  { skip },
  async () => {
    await using server = await TestServer.start();
    const api = new Api(server);
    await api.openKms();
    const diskId = await api.createDisk({ Encrypted: 'true' });
    const disk = await api.exportDisk(diskId);
    await fill(disk, [0, 1, 2, 600], 1);
    const first = await api.createSnapshot(diskId);
    assert.deepEqual(await dirty(disk.UnixUri, first), []);
    await fill(disk, [2, 700], 2);
    await run('qemu-io', '-f', 'raw', '-c', 'discard 0 4096', disk.UnixUri);
    const changed = [
      [0, 1],
      [2, 1],
      [700, 1],
    ];
    assert.deepEqual(await dirty(disk.UnixUri, first), changed, 'before any checkpoint');
    const second = await api.createSnapshot(diskId);
    await fill(disk, [3], 3);
    assert.deepEqual(await dirty(disk.UnixUri, second), [[3, 1]]);

    const told = JSON.parse(await cli(server, 'export-snapshot', second, '--base', first, '--json')) as ExportAnswer;
    assert.deepEqual(await dirty(told.UnixUri, first), changed);
    const contexts = await run('nbdinfo', '--json', told.UnixUri);
    assert.ok(contexts.includes(`qemu:dirty-bitmap:${first}`) && !contexts.includes(`qemu:dirty-bitmap:${second}`));

    // QEMU shows what a bitmap calls dirty as ranges without data.
    const options = `driver=nbd,server.type=unix,server.path=${unixSocket(told)},export=${told.ExportName}`;
    const map = JSON.parse(
      await run(
        'qemu-img',
        'map',
        '--output=json',
        '--image-opts',
        `${options},x-dirty-bitmap=qemu:dirty-bitmap:${first}`,
      ),
    ) as { start: number; length: number; data: boolean }[];
    assert.deepEqual(
      map.filter(({ data }) => !data).map(({ start, length }) => [start / BLOCK, length / BLOCK]),
      changed,
    );

    const refused = await runProgram('qemu-io', ['-f', 'raw', '-c', 'write 0 4096', told.UnixUri]);
    assert.notEqual(refused.code, 0, 'a snapshot is only read');
    await api.unexport(disk.ExportId);
    await api.call('ecs', 'DeleteDisk', { DiskId: diskId });
    await assert.rejects(api.call('ecs', 'DeleteSnapshot', { SnapshotId: first }), /unexport that first/);

    const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-snapshot-'));
    try {
      const copy = path.join(directory, 'copy.raw');
      await run('qemu-img', 'convert', '-O', 'raw', told.UnixUri, copy);
      const bytes = readFileSync(copy);
      const at = (block: number): number | undefined => bytes[block * BLOCK];
      assert.deepEqual([0, 1, 2, 3, 600, 700].map(at), [0, 1, 2, 0, 1, 2], 'the snapshot of a deleted disk');
      await run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', copy, told.UnixUri);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }

    // The disk server is killed: the export comes back as it was.
    const { diskServerPid } = JSON.parse(await cli(server, 'status', '--json')) as { diskServerPid: number };
    process.kill(diskServerPid, 'SIGKILL');
    await until('the snapshot to be served again', async () => {
      const { Exports } = await api.call<{ Exports: { Export: { ExportId: string; Status: string }[] } }>(
        'sealdisk',
        'DescribeDiskExports',
        { SnapshotId: second },
      );
      return Exports.Export[0]?.ExportId === told.ExportId && Exports.Export[0].Status === 'Serving';
    });
    assert.deepEqual(await dirty(told.UnixUri, first), changed);
    await api.unexport(told.ExportId);
    for (const SnapshotId of [first, second]) await api.call('ecs', 'DeleteSnapshot', { SnapshotId });
  },
);

test('a disk grows under its clients, who see it when they connect again; usage is told', { skip }, async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  const diskId = await api.createDisk();
  const exported = await api.exportDisk(diskId);
  await using early = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  const size = 1024 * MiB;
  await api.call('ecs', 'ResizeDisk', { DiskId: diskId, NewSize: '3', Type: 'online' });
  assert.equal(early.sizeBytes, size);
  await assert.rejects(early.write(size, Buffer.alloc(BLOCK, 9), { fua: false }), 'the end that it was told stands');
  await early.write(size - BLOCK, Buffer.alloc(BLOCK, 8), { fua: true });
  assert.equal((await run('nbdinfo', '--size', exported.UnixUri)).trim(), String(3 * size));
  const commands = [
    'write -P 7 1G 64k',
    'discard 1G 4k',
    'write -z 2G 1M',
    'flush',
    'read -P 0 1G 4k',
    `read -P 7 ${size + BLOCK} 60k`,
    `read -P 8 ${size - BLOCK} 4k`,
    'read -P 0 2G 1M',
  ];
  await run('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), exported.UnixUri);
  const { Disks } = await api.call<{ Disks: { Disk: { Size: number }[] } }>('ecs', 'DescribeDisks', {
    DiskIds: JSON.stringify([diskId]),
  });
  assert.equal(Disks.Disk[0]?.Size, 3);
  const snapshotId = await api.createSnapshot(diskId);
  const usage = JSON.parse(await cli(server, 'disk', 'usage', diskId, '--json')) as {
    AllocatedBytes: number;
    ExclusiveBytes: number;
    Snapshots: { Snapshot: { SnapshotId: string; SharedBytes: number }[] };
  };
  assert.equal(usage.AllocatedBytes, 16 * BLOCK);
  assert.equal(usage.ExclusiveBytes, 0);
  assert.deepEqual(
    usage.Snapshots.Snapshot.map(({ SnapshotId, SharedBytes }) => [SnapshotId, SharedBytes]),
    [[snapshotId, 16 * BLOCK]],
  );
  assert.match(await cli(server, 'disk', 'usage', diskId), /FREED BY DELETION\n/);
});

function unixSocket(exported: ExportAnswer): string {
  const address = unixAddress(exported);
  assert.ok('unixSocket' in address);
  return address.unixSocket;
}
