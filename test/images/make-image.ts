/**
 * Makes the golden images of the format that the engine writes today: `node test/images/make-image.ts v1`. Run once for
 * each version of the format; what it made is never made again, because readers of released versions stay.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { GiB } from '../../src/base/units.ts';
import { cloneDisk } from '../../src/block/disk.ts';
import type { Disk } from '../../src/block/disk.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { blockOf, dataKeyOf, DiskBench } from '../block/disk-fixture.ts';
import type { ImageDisk, ImageManifest } from './image.ts';

/** Applies a change to the disk and to what it should be. */
class Author {
  readonly #disk: Disk;
  readonly #blocks: Record<string, string>;

  constructor(disk: Disk, blocks: Record<string, string>) {
    this.#disk = disk;
    this.#blocks = blocks;
  }

  async write(block: number, stamp: number): Promise<void> {
    const content = blockOf(stamp);
    await this.#disk.write(block * 4096, content, { fua: false });
    this.#blocks[block] = createHash('sha256').update(content).digest('hex');
  }

  async trim(block: number): Promise<void> {
    await this.#disk.trim(block * 4096, 4096, { fua: false });
    delete this.#blocks[block];
  }

  async zero(block: number): Promise<void> {
    await this.#disk.zero(block * 4096, 4096, { fua: false, noHole: true });
    this.#blocks[block] = 'zero';
  }
}

function save(version: string, name: string, bench: DiskBench, disks: Record<string, ImageDisk>): void {
  const manifest: ImageManifest = { suite: bench.suite, disks };
  const folder = path.join(import.meta.dirname, version);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(manifest, null, 2)}\n`);
  const archive = path.join(folder, `${name}.tar.gz`);
  // Files that are kept to be used again hold nothing.
  const args = [
    '--exclude=*.spare',
    '--owner=0',
    '--group=0',
    '--mtime=@0',
    '--sort=name',
    '-czf',
    archive,
    '-C',
    bench.root,
    '.',
  ];
  const { status, stderr } = spawnSync('tar', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** A disk with a snapshot, written on and closed; and a clone of the snapshot, written on and left open. */
async function withSnapshotAndClone(version: string, suite: Suite): Promise<void> {
  using bench = new DiskBench(suite, { limits: { segmentSlots: 16 } });
  const pin = await bench.create();
  const blocks: Record<string, string> = {};
  let disk = await bench.open({ pin });
  let author = new Author(disk, blocks);
  for (const [block, stamp] of [
    [0, 1],
    [1, 2],
    [2, 3],
    [7, 4],
  ] as const)
    await author.write(block, stamp);
  await author.zero(9);
  await disk.snapshot('s-golden');
  const atSnapshot = { ...blocks };
  await author.write(1, 102);
  await author.trim(2);
  await author.zero(7);
  await author.write(3, 103);
  await disk.close();

  const cloneKey = dataKeyOf(suite, 9);
  await cloneDisk(
    bench.env,
    { directory: bench.directory(), snapshotId: 's-golden', dataKey: dataKeyOf(suite), pin: undefined },
    { directory: bench.directory('d-2'), identity: bench.identity('d-2'), dataKey: cloneKey },
  );
  const ofClone = { ...atSnapshot };
  disk = await bench.open({ diskId: 'd-2', dataKey: cloneKey });
  author = new Author(disk, ofClone);
  await author.write(0, 201);
  await author.trim(1);
  await disk.flush();
  await disk.abandon();
  save(version, `${suite}-snapshot-clone`, bench, {
    'd-1': {
      dataKey: hexOf(dataKeyOf(suite).key),
      clean: true,
      sizeBytes: GiB,
      blocks,
      snapshots: { 's-golden': atSnapshot },
    },
    'd-2': { dataKey: hexOf(cloneKey.key), clean: false, sizeBytes: GiB, blocks: ofClone, snapshots: {} },
  });
}

/** A disk whose files lack the slots that were overwritten, and whose process ended while it was written. */
async function collectedLeftOpen(version: string, suite: Suite): Promise<void> {
  using bench = new DiskBench(suite, { limits: { segmentSlots: 8, rewriteBelow: 0.9 } });
  await bench.create();
  const blocks: Record<string, string> = {};
  const disk = await bench.open();
  const author = new Author(disk, blocks);
  for (let i = 0; i < 6; i++) await author.write(i, 1 + i);
  await disk.checkpoint();
  for (let i = 0; i < 6; i++) if (i % 3 !== 0) await author.write(i, 101 + i);
  for (let round = 0; round < 2; round++) {
    await disk.checkpoint();
    await disk.collect();
  }
  await author.write(GiB / 4096 - 1, 200);
  await author.zero(4);
  await disk.flush();
  await disk.abandon();
  save(version, `${suite}-collected-left-open`, bench, {
    'd-1': { dataKey: hexOf(dataKeyOf(suite).key), clean: false, sizeBytes: GiB, blocks, snapshots: {} },
  });
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const [version] = process.argv.slice(2);
if (version === undefined) throw new Error('say which version of the format this is, for example v1');
await withSnapshotAndClone(version, 'aes-256-gcm');
await collectedLeftOpen(version, 'sm4-gcm');
