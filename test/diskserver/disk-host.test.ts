import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { silentLogger } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { GiB, TiB } from '../../src/base/units.ts';
import { NO_WORK } from '../../src/block/state/disk-work.ts';
import { openDisk } from '../../src/block/disk.ts';
import type { DataKey, Environment } from '../../src/block/disk.ts';
import { localFiles } from '../../src/block/files/local-files.ts';
import type { Pin } from '../../src/block/format/pin.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import type { ExportInfo } from '../../src/dataplane/data-plane.ts';
import { DiskHost } from '../../src/diskserver/disk-host.ts';
import { ExportTable } from '../../src/diskserver/export-table.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { NbdServer } from '../../src/nbd/server.ts';

/** Fails to close the sockets of some exports, as a folder that somebody removed would make it. */
class BrittleServer extends NbdServer {
  readonly broken = new Set<string>();

  override closeUnix(socketPath: string): Promise<void> {
    const closed = super.closeUnix(socketPath);
    if (this.broken.has(path.basename(socketPath))) throw new Error('the socket is stuck');
    return closed;
  }
}

class HostBench implements Disposable {
  readonly root = mkdtempSync(path.join(tmpdir(), 'sealdisk-host-'));
  readonly pins: { diskId: string; pin: Pin }[] = [];
  readonly environment: Environment;
  readonly nbd: BrittleServer;
  readonly host: DiskHost;

  constructor() {
    for (const name of ['disks', 'nbd']) mkdirSync(path.join(this.root, name));
    const log = silentLogger;
    const cipher = nodeCipherBackend();
    this.environment = { files: localFiles, clock: systemClock, random: systemRandom, cipher, log, machineId: 'm' };
    const table = new ExportTable();
    this.nbd = new BrittleServer({ directory: table, clock: systemClock, random: systemRandom, log });
    this.host = new DiskHost({
      environment: this.environment,
      dataDirectory: this.root,
      socketDirectory: path.join(this.root, 'nbd'),
      nbd: this.nbd,
      table,
      log,
      onPin: (diskId, pin) => this.pins.push({ diskId, pin }),
    });
  }

  dataKey(): DataKey {
    return { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(7) };
  }

  create(diskId: string, sizeBytes = GiB): Promise<Pin> {
    const disk = { diskId, sizeBytes, encrypted: true, wrappedKey: Uint8Array.of(1) };
    return this.host.createDisk({ disk, dataKey: this.dataKey() });
  }

  open(diskId: string, pin: Pin | undefined): Promise<ExportInfo> {
    return this.host.openExport({
      exportId: `exp-${diskId}`,
      diskId,
      name: diskId,
      dataKey: this.dataKey(),
      pin,
      readOnly: false,
      pskIdentity: diskId,
      psk: new Uint8Array(32),
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

test('a disk whose socket cannot be closed is closed all the same, and so are the others', async () => {
  using bench = new HostBench();
  for (const diskId of ['d-1', 'd-2']) await bench.open(diskId, await bench.create(diskId));
  bench.nbd.broken.add('d-1.sock');
  const closed = await bench.host.closeAll();
  assert.deepEqual(closed.map(({ diskId }) => diskId).sort(), ['d-1', 'd-2']);
  assert.deepEqual(bench.host.listExports(), []);
  await bench.nbd.close(0);
});

test('a disk of 64 TiB is trimmed, zeroed and described in one request each, from end to end', async () => {
  using bench = new HostBench();
  const size = 64 * TiB;
  const { socketPath } = await bench.open('d-1', await bench.create('d-1', size));
  const client = await NbdClient.connect({ unixSocket: socketPath }, 'd-1');
  assert.equal(client.headers, 'extended');
  const extents = async (): Promise<string[]> => {
    const told: { offset: number; lengthBytes: number; flags: number }[] = [];
    for await (const { offset, lengthBytes, flags } of client.extents('base:allocation')) {
      const last = told.at(-1);
      if (last?.flags === flags) last.lengthBytes += lengthBytes;
      else told.push({ offset, lengthBytes, flags });
    }
    return told.map(({ offset, lengthBytes, flags }) => `${offset}+${lengthBytes} ${flags}`);
  };
  const data = Buffer.alloc(8192, 1);
  const far = 63 * TiB + 4096;
  await client.write(far, data);
  assert.deepEqual(await extents(), [`0+${far} 3`, `${far}+8192 0`, `${far + 8192}+${size - far - 8192} 3`]);
  await client.trim(4096, size - 8192, { fua: true });
  assert.deepEqual(await extents(), [`0+${size} 3`]);
  await client.write(0, data);
  await client.write(size - 8192, data);
  await client.zero(0, size, { fast: true });
  assert.deepEqual(await extents(), [`0+${size} 3`]);
  assert.equal(await client.readUnlessHole(size - 8192, 8192), undefined);
  await client.cache(0, size);
  await client.disconnect();
  await bench.host.closeAll();
  await bench.nbd.close(0);
});

test('the state that a recovery led to is told to the owner at once', async () => {
  using bench = new HostBench();
  const created = await bench.create('d-1');
  const disk = await openDisk(bench.environment, path.join(bench.root, 'disks', 'd-1'), {
    diskId: 'd-1',
    dataKey: bench.dataKey(),
    pin: created,
    readOnly: false,
  });
  await disk.write(0, new Uint8Array(4096).fill(1), { fua: true });
  await disk.abandon();
  await bench.open('d-1', created);
  const [told] = bench.pins;
  assert.ok(told !== undefined && told.pin.sequence > created.sequence + 1);
  const [closed] = await bench.host.closeAll();
  assert.deepEqual(closed, { diskId: 'd-1', pin: told.pin });
  await bench.nbd.close(0);
});

test('a disk is not cloned onto itself, and clones in both directions end', async () => {
  using bench = new HostBench();
  for (const diskId of ['d-1', 'd-2']) {
    const pin = await bench.create(diskId);
    await bench.host.createSnapshot({ diskId, snapshotId: `s-${diskId}`, dataKey: bench.dataKey(), pin });
  }
  const clone = (from: string, to: string): Promise<Pin> =>
    bench.host.cloneDisk({
      source: { diskId: from, snapshotId: `s-${from}`, dataKey: bench.dataKey(), pin: undefined },
      disk: { diskId: to, sizeBytes: GiB, encrypted: true, wrappedKey: Uint8Array.of(1) },
      dataKey: bench.dataKey(),
      independent: false,
    });
  await assert.rejects(clone('d-1', 'd-1'), { kind: 'conflict', code: 'DISK_EXISTS' });
  const both = await Promise.allSettled([clone('d-1', 'd-2'), clone('d-2', 'd-1')]);
  for (const each of both) assert.equal(each.status, 'rejected');
  await clone('d-1', 'd-3');
});

test('a disk tells what it has done since it was opened, and one that is not open tells nothing', async () => {
  using bench = new HostBench();
  await bench.open('d-1', await bench.create('d-1'));
  assert.deepEqual(bench.host.statistics('d-1'), { ...NO_WORK, logSlots: 0, checkpointing: false, collecting: false });
  await bench.host.createSnapshot({ diskId: 'd-1', snapshotId: 's-1', dataKey: bench.dataKey(), pin: undefined });
  const client = await NbdClient.connect({ unixSocket: path.join(bench.root, 'nbd', 'd-1.sock') }, '');
  await client.write(0, new Uint8Array(3 * 4096).fill(1));
  await bench.host.createSnapshot({ diskId: 'd-1', snapshotId: 's-2', dataKey: bench.dataKey(), pin: undefined });
  await client.disconnect();
  const { logSlots, mapSlots, checkpoints } = bench.host.statistics('d-1');
  assert.ok(logSlots >= 3 && mapSlots >= 1, `${logSlots} slots of the log, ${mapSlots} of the map`);
  assert.equal(checkpoints, 1);
  await bench.host.closeAll();
  assert.throws(() => bench.host.statistics('d-1'), { kind: 'not-found', code: 'DISK_NOT_OPEN' });
  await bench.nbd.close(0);
});

test('a bitmap whose snapshot is deleted under a client tells nothing any more, and new clients are not offered it', async () => {
  using bench = new HostBench();
  await bench.open('d-1', await bench.create('d-1'));
  const snapshot = (snapshotId: string) =>
    bench.host.createSnapshot({ diskId: 'd-1', snapshotId, dataKey: bench.dataKey(), pin: undefined });
  for (const snapshotId of ['s-1', 's-2']) await snapshot(snapshotId);
  const address = { unixSocket: path.join(bench.root, 'nbd', 'd-1.sock') };
  const [one, two] = ['qemu:dirty-bitmap:s-1', 'qemu:dirty-bitmap:s-2'];
  const client = await NbdClient.connect(address, '', { contexts: ['base:allocation', one, two] });
  await client.write(4096, new Uint8Array(4096).fill(1));
  const dirty = [
    { lengthBytes: 4096, flags: 0 },
    { lengthBytes: 4096, flags: 1 },
  ];
  assert.deepEqual((await client.status([one], 0, 8192)).get(one), dirty);
  await bench.host.deleteSnapshot({ diskId: 'd-1', snapshotId: 's-1' });
  await assert.rejects(client.status([one], 0, 8192));
  assert.deepEqual((await client.status([two], 0, 8192)).get(two), dirty, 'the others go on');
  await client.disconnect();
  assert.deepEqual(await NbdClient.listContexts(address, '', ['qemu:']), [two]);
  await bench.host.closeAll();
  await bench.nbd.close(0);
});
