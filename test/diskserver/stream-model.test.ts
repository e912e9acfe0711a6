// Streams of real disks: chains of them, under changes of the source's files and interruptions of the receiver.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { openSnapshotView, type Disk } from '../../src/block/disk.ts';
import { MiB } from '../../src/base/units.ts';
import type { DataKey } from '../../src/block/keys/data-key.ts';
import { identified, stateToSend } from '../../src/diskserver/snapshot-to-send.ts';
import { Spool } from '../../src/diskserver/spool.ts';
import { applyStream, refuseUnlessAt, verifyStream } from '../../src/diskserver/stream-apply.ts';
import { STREAM_HEADER_BYTES } from '../../src/stream/stream-header.ts';
import { StreamSource } from '../../src/stream/stream-source.ts';
import { blockOf, dataKeyOf, DiskBench } from '../block/disk-fixture.ts';

const LIMITS = { segmentSlots: 40, checkpointSlots: 300, checkpointChanges: 100, mapPages: 3, openSegments: 2 };
/** The part of the disks that is used. */
const SIZE = 16 * MiB;
const BLOCKS = SIZE / 4096;
const KEY = new Uint8Array(32).fill(5);

function randomOf(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

async function change(disk: Disk, random: (below: number) => number, stamp: number): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const block = random(BLOCKS);
    const length = Math.min(BLOCKS - block, [1, 4, 30, 700][random(4)] ?? 1) * 4096;
    const kind = random(5);
    if (kind === 0) await disk.trim(block * 4096, length, { fua: false });
    else if (kind === 1) await disk.zero(block * 4096, length, { fua: false, noHole: random(2) === 0 });
    else if (kind === 2) await disk.write(block * 4096 + 100, blockOf(stamp + i).subarray(0, 1000), { fua: false });
    else
      for (let n = 0; n < Math.min(8, length / 4096); n++)
        await disk.write((block + n) * 4096, blockOf(stamp + i), { fua: false });
  }
}

function viewOf(bench: DiskBench, snapshotId: string, dataKey: DataKey) {
  const directory = bench.directory();
  const retiredDirectory = `${directory}.retired`;
  return openSnapshotView(bench.env, {
    directory,
    retiredDirectory,
    diskId: 'd-1',
    snapshotId,
    dataKey,
    pin: undefined,
  });
}

/** The whole stream, and the whole content of the snapshot. */
async function sent(bench: DiskBench, snapshotId: string, baseId: string | undefined, dataKey: DataKey, id: number) {
  const state = await viewOf(bench, snapshotId, dataKey);
  const base = baseId === undefined ? undefined : await viewOf(bench, baseId, dataKey);
  using source = await StreamSource.of(
    bench.env.cipher,
    stateToSend(state, base),
    {
      streamId: new Uint8Array(16).fill(id),
      suite: 'aes-256-gcm',
      encrypted: true,
      diskId: 'd-1',
      state: identified('d-1', snapshotId, state),
      base: base && identified('d-1', baseId ?? '', base),
      createdMs: 1,
      key: { by: 'kms', kmsKeyId: 'key', blob: Uint8Array.of(1) },
    },
    // Each stream has a key of its own.
    Uint8Array.from(KEY, (byte) => byte + id),
  );
  const stream = await source.read(0, source.sizeBytes);
  const content = await state.read(0, SIZE);
  await state.close();
  await base?.close();
  return { stream, content, streamKey: Uint8Array.from(KEY, (byte) => byte + id) };
}

async function spoolOf(bench: DiskBench, name: string, stream: Uint8Array): Promise<Spool> {
  const { files } = bench.env;
  const header = stream.subarray(0, STREAM_HEADER_BYTES);
  const spool = await Spool.open(files, `${bench.root}/${name}`, header, stream.length);
  await spool.write(STREAM_HEADER_BYTES, stream.subarray(STREAM_HEADER_BYTES));
  await spool.sync();
  return spool;
}

for (const seed of [1, 2, 3])
  test(`a chain of streams of a disk that is written, collected and sealed anew gives the same disk (seed ${seed})`, async () => {
    const random = randomOf(seed);
    using from = new DiskBench('aes-256-gcm', { limits: LIMITS });
    using to = new DiskBench('sm4-gcm', { limits: LIMITS });
    await from.create();
    await to.create();
    const disk = await from.open();
    let key = dataKeyOf('aes-256-gcm');
    for (let step = 1; step <= 3; step++) {
      await change(disk, random, step * 1_000);
      await disk.snapshot(`s-${step}`);
      await change(disk, random, step * 1_000 + 500);
      const base = step === 1 ? undefined : `s-${step - 1}`;
      const { stream, content, streamKey } = await sent(from, `s-${step}`, base, key, step);

      await disk.collect();
      if (step === 2) {
        key = dataKeyOf('sm4-gcm', 8);
        await disk.rotate({ dataKey: key, wrappedKey: Uint8Array.of(9), encrypted: true, bytesPerSecond: 0 });
        await disk.reencrypted();
      }
      const again = await sent(from, `s-${step}`, base, key, step);
      assert.ok(Buffer.from(again.stream).equals(stream), 'the same bytes, although every file is another one');

      const spool = await spoolOf(to, `spool-${step}`, stream);
      const stop = new AbortController();
      const reading = { ciphers: to.env.cipher, spool, streamKey, onProgress: () => {}, signal: stop.signal };
      await verifyStream(reading);
      const first = await to.open();
      if (base !== undefined) await refuseUnlessAt(first, `r-${step - 1}`);
      // It is interrupted, and gone over from the start by a later process.
      const interrupted = { ...reading, onProgress: () => stop.abort(new Error('stopped')) };
      await applyStream(interrupted, first).catch((error: unknown) => assert.match(String(error), /stopped/));
      await first.flush();
      await first.abandon();
      const target = await to.open();
      await applyStream({ ...reading, signal: new AbortController().signal }, target);
      await target.snapshot(`r-${step}`);
      assert.ok(Buffer.from(await target.read(0, SIZE)).equals(content), `step ${step}`);
      if (step === 3) {
        await target.write(0, blockOf(1), { fua: false });
        await assert.rejects(refuseUnlessAt(target, 'r-3'), { code: 'NOT_AT_BASE' });
      }
      await target.close();
      await spool.close();
    }
    await disk.close();
    assert.ok(readdirSync(to.root).length > 0);
  });
