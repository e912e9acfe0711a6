/** The decoders of streams, which come from anywhere. */
import { decodeHeader, encodeHeaderFields } from '../../src/stream/stream-header.ts';
import type { StreamHeader } from '../../src/stream/stream-header.ts';
import { encodeBlocksHeader, encodeRun, HOLE, RecordReader, ZERO } from '../../src/stream/stream-records.ts';
import { counting } from '../block/format/format-samples.ts';
import type { FuzzTarget } from './fuzz.ts';

const DISK_BYTES = 2 ** 30;

const HEADER: StreamHeader = {
  streamId: counting(16),
  suite: 'sm4-gcm',
  encrypted: true,
  diskId: 'd-1',
  diskSizeBytes: DISK_BYTES,
  state: { snapshotId: 's-2', identity: counting(32) },
  base: { snapshotId: 's-1', identity: counting(32, 1) },
  bodyBytes: 5_000_000,
  dataBlocks: 1_000,
  createdMs: 1_700_000_000_000,
  key: { by: 'kms', kmsKeyId: 'key-1', blob: counting(200) },
};

function headerTarget(): FuzzTarget {
  const passphrase = {
    by: 'passphrase',
    cost: { n: 1024, r: 8, p: 1 },
    salt: counting(32),
    sealed: counting(81),
  } as const;
  return {
    name: 'stream header',
    samples: [HEADER, { ...HEADER, base: undefined, key: passphrase }].map(encodeHeaderFields),
    fields: [
      [8, 4],
      [12, 4],
      [32, 1],
      [33, 1],
      [40, 8],
      [48, 8],
      [56, 8],
      [64, 8],
      [136, 64],
      [200, 64],
      [328, 1],
      [330, 2],
      [336, 4],
      [340, 4],
      [344, 4],
    ],
    decode: decodeHeader,
  };
}

/** Changes must lie inside the disk and go forward; their number is bounded by the bytes. */
function contentTarget(): FuzzTarget {
  const changes = new Uint8Array(512);
  changes.set([3, 1, 3, 2, 0, 3]);
  const data = new Uint8Array(3 * 4096).fill(7);
  const content = [encodeRun(0, 512, ZERO), encodeBlocksHeader(1_024, changes), data, encodeRun(2_048, 9_000, HOLE)];
  return {
    name: 'stream content',
    samples: [Buffer.concat(content)],
    fields: [
      [0, 1],
      [1, 1],
      [8, 8],
      [16, 8],
      [24, 1],
      [26, 2],
      [32, 8],
    ],
    decode: (bytes) => {
      const reader = new RecordReader(DISK_BYTES);
      let end = 0;
      const cut = bytes.length === 0 ? 0 : ((bytes[bytes.length - 1] ?? 0) * 131) % bytes.length;
      for (const piece of [bytes.slice(0, cut), bytes.slice(cut)])
        for (const change of reader.push(piece)) {
          const blocks = change.kind === 'data' ? change.data.length / 4096 : change.blocks;
          // Of one record, holes and zeroes are told before its data.
          if (change.block < end - (end % 512) || change.block + blocks > DISK_BYTES / 4096 || blocks <= 0)
            throw new Error(`a change of ${blocks} blocks at ${change.block}, after ${end}`);
          end = Math.max(end, change.block + blocks);
        }
      return reader.isComplete ? { end } : undefined;
    },
  };
}

export function streamTargets(): FuzzTarget[] {
  return [headerTarget(), contentTarget()];
}
