/** Native code gets the addresses of memory that JavaScript owns: that it stays inside, and that the memory stays. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { loadCachedRead } from '../../src/block/files/cached-read.ts';
import { loadLibgcrypt } from '../../src/crypto/libgcrypt.ts';
import { guarded } from '../crypto/guarded.ts';
import { Seeded } from '../sim/seeded.ts';
import { DiskBench } from './disk-fixture.ts';

const BLOCKS = 64;
const COLLECT_EVERY = 25;

/** Random work on a disk through libgcrypt with canaries, while garbage is collected all the time. Answers the calls. */
export async function guardedDisk(seed: number, operations: number): Promise<number> {
  const random = new Seeded(seed);
  const cipher = guarded(loadLibgcrypt(), COLLECT_EVERY);
  using bench = new DiskBench(seed % 2 === 0 ? 'aes-256-gcm' : 'sm4-gcm', {
    cipher,
    limits: { segmentSlots: 20, mapPages: 3, checkpointChanges: 60 },
  });
  await bench.create();
  let disk = await bench.open();
  const model = Buffer.alloc(BLOCKS * 4096);
  for (let i = 0; i < operations; i++) {
    const first = random.below(BLOCKS);
    const count = 1 + random.below(Math.min(20, BLOCKS - first));
    const [offset, length] = [first * 4096, count * 4096];
    const roll = random.below(20);
    if (roll < 9) {
      // A view into something larger, at an odd place, which nobody keeps.
      const data = random.bytes(4_096 + 7).subarray(7);
      const whole = new Uint8Array(length + 3).subarray(3);
      for (let at = 0; at < length; at += 4096) whole.set(data, at);
      model.set(whole, offset);
      await disk.write(offset, whole, { fua: roll === 0 });
    } else if (roll < 17) {
      const read = Buffer.from(await disk.read(offset, length));
      assert.ok(read.equals(model.subarray(offset, offset + length)), `seed ${seed}, operation ${i}`);
    } else if (roll < 19) await disk.flush();
    else {
      await disk.close();
      disk = await bench.open();
    }
    if (i % COLLECT_EVERY === 0) globalThis.gc?.();
  }
  await disk.close();
  return cipher.calls();
}

/** Reads of every length leave what lies behind them as it was. Answers how many were in memory. */
export function guardedReads(seed: number, reads: number): number {
  const random = new Seeded(seed);
  const read = loadCachedRead();
  if (read === undefined) return 0;
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-native-'));
  const fd = openSync(path.join(folder, 'file'), 'w+');
  const content = Buffer.alloc(2 ** 21, Buffer.from(random.bytes(251)));
  writeSync(fd, content);
  let found = 0;
  try {
    for (let i = 0; i < reads; i++) {
      const length = 1 + random.below(2 ** 20);
      const position = random.below(content.length - length);
      const memory = read(fd, 1, 0);
      memory?.fill(0xc5);
      const answer: Uint8Array | undefined = read(fd, length, position);
      if (i % 10 === 0) globalThis.gc?.();
      if (answer === undefined) continue;
      found += 1;
      assert.ok(Buffer.compare(answer.subarray(0, length), content.subarray(position, position + length)) === 0);
      assert.ok(
        answer.subarray(length, length + 4_096).every((byte) => byte === 0xc5),
        'nothing behind it was written',
      );
    }
    assert.equal(read(fd, 2 ** 22, 0), undefined, 'more than there is memory for is not tried');
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
  return found;
}
