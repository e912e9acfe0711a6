// A data directory on a file system that runs full, or cannot be written at all.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { RpcRefusal } from '../../src/api/rpc-client.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress } from '../support/api.ts';
import { SKIP_MOUNT, SmallMount } from '../support/small-mount.ts';
import { freePort, runProgram, SEALDISK, TestServer } from '../support/start-server.ts';

const CHUNK = 1024 * 1024;

/** Leaves `bytes` free. */
function fillUp(mount: string, bytes: number): string {
  const file = path.join(mount, 'filler');
  const { bavail, bsize } = statfsSync(mount);
  writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - bytes), 1));
  return file;
}

test(
  'a full store answers NBD_ENOSPC, goes on reading, creates nothing, and heals when space returns',
  { skip: SKIP_MOUNT },
  async () => {
    using mount = SmallMount.make('size=192m');
    assert.ok(mount !== undefined);
    await using server = await TestServer.start({ dataDirectory: path.join(mount.path, 'data') });
    const api = new Api(server);
    await api.openKms();
    const exported = await api.exportDisk(await api.createDisk({ Encrypted: 'true' }));
    const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    const written: Buffer[] = [];
    for (let at = 0; at < 8; at++) {
      written.push(randomBytes(CHUNK));
      await client.write(at * CHUNK, written[at] ?? Buffer.alloc(0));
    }
    await client.flush();

    const filler = fillUp(mount.path, 20 * CHUNK);
    let refused: unknown;
    for (let at = 100; at < 1000 && refused === undefined; at++) {
      await client.write(at * CHUNK, randomBytes(CHUNK), { fua: true }).catch((error: unknown) => (refused = error));
    }
    assert.equal((refused as { code?: string }).code, 'NBD_ENOSPC');
    for (const [at, content] of written.entries())
      assert.ok(content.equals(await client.read(at * CHUNK, CHUNK)), `megabyte ${at}`);

    const disksBefore = readdirSync(path.join(server.dataDirectory, 'disks'));
    await assert.rejects(
      (async () => {
        for (let attempt = 0; attempt < 50; attempt++) await api.createDisk({ Encrypted: 'true' });
      })(),
      (error) => error instanceof RpcRefusal && error.httpStatus >= 400,
    );
    const { Disks } = await api.call<{ Disks: { Disk: { DiskId: string; Status: string }[] } }>(
      'ecs',
      'DescribeDisks',
      { PageSize: '100' },
    );
    assert.ok(Disks.Disk.every(({ Status }) => Status === 'Available' || Status === 'In_use'));
    assert.ok(disksBefore.length <= Disks.Disk.length);

    rmSync(filler);
    const after = randomBytes(CHUNK);
    await client.write(500 * CHUNK, after, { fua: true });
    assert.ok(after.equals(await client.read(500 * CHUNK, CHUNK)));
    await client.disconnect();
    await api.unexport(exported.ExportId);
    const again = await api.exportDisk(exported.DiskId);
    const reader = await NbdClient.connect(unixAddress(again), again.ExportName);
    for (const [at, content] of written.entries())
      assert.ok(content.equals(await reader.read(at * CHUNK, CHUNK)), `megabyte ${at} after reopening`);
    assert.ok(after.equals(await reader.read(500 * CHUNK, CHUNK)));
    await reader.disconnect();
  },
);

test('a read-only data directory is refused with what to do', { skip: SKIP_MOUNT }, async () => {
  using mount = SmallMount.make('size=1m,ro');
  assert.ok(mount !== undefined);
  for (const dataDirectory of [mount.path, path.join(mount.path, 'data')]) {
    const { code, stderr } = await runProgram(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      SEALDISK,
      'serve',
      '--data-dir',
      dataDirectory,
      '--listen',
      `127.0.0.1:${await freePort()}`,
      '--nbd-listen',
      `127.0.0.1:${await freePort()}`,
    ]);
    assert.notEqual(code, 0);
    assert.match(stderr, /read-only|EROFS/i);
    assert.match(stderr, /--data-dir/);
  }
});
