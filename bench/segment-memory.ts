/** What the engine keeps in memory for each segment of a disk, measured on as many as hold 1 TiB of blocks. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { silentLogger } from '../src/base/log.ts';
import { BLOCK_SIZE_BYTES, TiB } from '../src/base/units.ts';
import { DEFAULT_LIMITS } from '../src/block/files/environment.ts';
import { localFiles } from '../src/block/files/local-files.ts';
import { ReaderCache } from '../src/block/files/reader-cache.ts';
import { SegmentStore } from '../src/block/segments/segment-store.ts';

export const SEGMENTS_PER_TIB = Math.ceil(TiB / BLOCK_SIZE_BYTES / DEFAULT_LIMITS.segmentSlots);

/** Bytes. The segments belong to one epoch, as those of one session do. */
export function segmentMemoryBytes(): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const used = (): number => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const parts = { files: localFiles, cache: new ReaderCache(DEFAULT_LIMITS.openSegments), log: silentLogger };
  const before = used();
  const store = new SegmentStore('/nowhere', parts);
  const epoch = { id: new Uint8Array(16), suite: 'aes-256-gcm', wrapped: new Uint8Array(48) } as const;
  for (let number = 1; number <= SEGMENTS_PER_TIB; number++) {
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(0, number);
    const headerDigest = new Uint8Array(32);
    store.put({ number, id, headerDigest, epoch, slots: DEFAULT_LIMITS.segmentSlots });
  }
  const after = used();
  if (store.size !== SEGMENTS_PER_TIB) throw new Error('bug: segments were lost');
  store.close();
  return after - before;
}
