// Disks that older engines wrote are read by this one and by a reader in Python that was written from docs/formats/ alone.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { GiB, KiB } from '../../src/base/units.ts';
import { cloneDisk } from '../../src/block/disk.ts';
import type { Disk } from '../../src/block/disk.ts';
import { PYTHON } from '../conformance/nbd/tools.ts';
import { blockOf, dataKeyOf, DiskBench } from '../block/disk-fixture.ts';
import { manifestOf, unpack } from './image.ts';
import type { ImageDisk } from './image.ts';

const READER = path.join(import.meta.dirname, 'python', 'read_image.py');
const skipPython = existsSync(PYTHON) ? false : `${PYTHON} is not installed: apt-get install python3`;

const images = globSync('*/*.tar.gz', { cwd: import.meta.dirname }).map((file) => file.slice(0, -'.tar.gz'.length));
assert.ok(images.length >= 2, 'there are images');

interface PythonAnswer extends Omit<ImageDisk, 'dataKey'> {
  readonly diskId: string;
  readonly suite: string;
  readonly encrypted: boolean;
}

function readWithPython(directory: string, dataKey: string): PythonAnswer {
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-B', READER, directory, dataKey], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as PythonAnswer;
}

/** Every block that is not a hole, as the manifest has it. */
async function blocksOf(disk: Disk): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (let offset = 0; offset < disk.sizeBytes;) {
    for (const { lengthBytes, hole, zero } of await disk.blockStatus(offset, disk.sizeBytes - offset)) {
      for (let at = offset; at < offset + lengthBytes && !hole; at += 4096)
        found[at / 4096] = zero
          ? 'zero'
          : createHash('sha256')
              .update(await disk.read(at, 4096))
              .digest('hex');
      offset += lengthBytes;
    }
  }
  return found;
}

for (const image of images) {
  const { suite, disks } = manifestOf(image);

  test(`${image}: every disk, snapshot and clone reads as it was written, and can be written on`, async () => {
    using bench = new DiskBench(suite);
    unpack(image, bench.root);
    for (const [diskId, expected] of Object.entries(disks)) {
      const dataKey = { suite, key: Buffer.from(expected.dataKey, 'hex') };
      // Where it was left open is not here.
      let disk = await bench.open({ diskId, dataKey, adopt: true });
      assert.equal(disk.sizeBytes, expected.sizeBytes);
      assert.equal(disk.recovered, !expected.clean);
      assert.deepEqual(await blocksOf(disk), expected.blocks);
      await disk.write(0, blockOf(999), { fua: false });
      await disk.close();
      disk = await bench.open({ diskId, dataKey });
      assert.deepEqual(Buffer.from(await disk.read(0, 4096)), blockOf(999));
      await disk.close();
      for (const [snapshotId, blocks] of Object.entries(expected.snapshots)) {
        const source = { directory: bench.directory(diskId), snapshotId, dataKey, pin: undefined };
        const target = { directory: bench.directory('d-new'), identity: bench.identity('d-new'), dataKey };
        await cloneDisk(bench.env, source, target);
        const clone = await bench.open({ diskId: 'd-new', dataKey });
        assert.deepEqual(await blocksOf(clone), blocks);
        await clone.close();
      }
    }
    assert.deepEqual(bench.log.errors(), []);
  });

  test(`${image}: the reader in Python says the same, from the pages of docs/formats`, { skip: skipPython }, () => {
    using bench = new DiskBench(suite);
    unpack(image, bench.root);
    for (const [diskId, { dataKey, ...expected }] of Object.entries(disks))
      assert.deepEqual(readWithPython(bench.directory(diskId), dataKey), {
        diskId,
        suite,
        encrypted: true,
        ...expected,
      });
  });
}

test('what the engine writes today is read by the reader in Python', { skip: skipPython }, async () => {
  for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const) {
    using bench = new DiskBench(suite, { limits: { segmentSlots: 8 } });
    await bench.create();
    const disk = await bench.open();
    for (let i = 0; i < 20; i++) await disk.write(i * 37 * 4096, blockOf(i), { fua: false });
    await disk.snapshot('s-1');
    const atSnapshot = await blocksOf(disk);
    await disk.zero(4096, 1_000_000, { fua: false, noHole: true });
    await disk.checkpoint();
    await disk.collect();
    await disk.trim(37 * 4096, 4096, { fua: false });
    await disk.write(GiB - 4096, blockOf(77), { fua: false });
    await disk.flush();
    const now = await blocksOf(disk);
    await disk.abandon();
    const read = readWithPython(bench.directory(), Buffer.from(dataKeyOf(suite).key).toString('hex'));
    assert.deepEqual(read.blocks, now);
    assert.deepEqual(read.snapshots, { 's-1': atSnapshot });
  }
});

test('the reader in Python refuses what is damaged, and names it', { skip: skipPython }, () => {
  const [image = ''] = images.filter((name) => name.startsWith('v1') && name.includes('snapshot'));
  const { suite, disks } = manifestOf(image);
  using bench = new DiskBench(suite);
  unpack(image, bench.root);
  const kept = mkdtempSync(path.join(tmpdir(), 'sealdisk-kept-'));
  cpSync(bench.directory(), kept, { recursive: true });
  const dataKey = disks['d-1']?.dataKey ?? '';
  assert.throws(() => readWithPython(bench.directory(), `00${dataKey.slice(2)}`), /damaged: no copy of the head/);
  let refused = 0;
  for (const file of globSync('seg/*', { cwd: kept })) {
    const bytes = readFileSync(path.join(kept, file));
    bytes.fill(bytes.readUInt8(5000) ^ 1, 5000, 5001);
    writeFileSync(path.join(bench.directory(), file), bytes);
    try {
      readWithPython(bench.directory(), dataKey);
    } catch (error) {
      assert.match(String(error), /damaged: (block|page) \d+ .*does not open/);
      refused += 1;
    }
    cpSync(path.join(kept, file), path.join(bench.directory(), file));
  }
  rmSync(kept, { recursive: true });
  assert.ok(refused >= 2, `${refused} of the segments were needed`);
});

test('the golden images stay small enough to be kept for ever', () => {
  const sizes = images.map((image) => statSync(path.join(import.meta.dirname, `${image}.tar.gz`)).size);
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) < 500 * KiB);
});

test('the reader in Python uses its standard library and nothing else', () => {
  const source = ['read_image', 'gcm'].map((part) =>
    readFileSync(path.join(import.meta.dirname, 'python', `${part}.py`), 'utf8'),
  );
  const modules = [...source.join('\n').matchAll(/^(?:from|import) (\w+)/gm)].map(([, name = '']) => name);
  assert.deepEqual(modules.toSorted(), ['gcm', 'hashlib', 'hmac', 'json', 'os', 'struct', 'sys']);
});
