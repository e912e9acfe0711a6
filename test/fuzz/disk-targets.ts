/** The decoders of the disk engine. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { decodeChecksums, encodeChecksums } from '../../src/block/format/checksum-format.ts';
import {
  decodeDenseIndex,
  DENSE_CAPACITY_MAX,
  DENSE_INDEX_SIZE_BYTES,
  encodeDenseIndex,
} from '../../src/block/format/dense-format.ts';
import type { DiskKeys } from '../../src/block/keys/disk-keys.ts';
import { SlotSet } from '../../src/block/format/slot-set.ts';
import { openSlot, SLOT_SIZE_BYTES } from '../../src/block/format/slot-format.ts';
import { decodeCopies, decodeSizedCopies } from '../../src/block/format/two-copies.ts';
import { decodeHead } from '../../src/block/format/head-format.ts';
import { decodeTable } from '../../src/block/format/table-format.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { counting, keysOf, samplesOf } from '../block/format/format-samples.ts';
import type { Sample } from '../block/format/format-samples.ts';
import type { FuzzTarget } from './fuzz.ts';
import type { Fields } from './mutate.ts';

const PURPOSES = {
  head: 'head',
  table: 'table',
  chunk: 'table',
  mark: 'mark',
  'segment header': 'segment-header',
} as const;
const SEGMENT = 2 ** 32 + 5;

function fieldsOf({ layout }: Sample): Fields {
  let at = 0;
  return layout.map(([, size]) => {
    at += size;
    return [at - size, size] as const;
  });
}

export function diskTargets(suite: Suite): FuzzTarget[] {
  const keys = keysOf(suite);
  const samples = samplesOf(suite);
  const targets = samples.map((sample) => targetOf(sample, keys));
  const encoded = (name: string): Uint8Array => samples.find((sample) => sample.name === name)?.encode() ?? counting(1);
  const twice = (name: string): Uint8Array => Buffer.concat([encoded(name), encoded(name)]);
  return [
    ...targets,
    slotTarget(suite),
    denseTarget(),
    checksumsTarget(),
    {
      name: 'two heads',
      samples: [twice('head')],
      decode: (bytes) => refusal(decodeCopies(bytes, (copy) => decodeHead(copy, keys))),
    },
    {
      name: 'two tables',
      samples: [twice('table')],
      fields: [[12, 4]],
      decode: (bytes) => refusal(decodeSizedCopies(bytes, (copy) => decodeTable(copy, keys))),
    },
  ];
}

/** Refused when neither copy was read. */
function refusal(read: { readonly first: unknown; readonly second: unknown }): unknown {
  return read.first === undefined && read.second === undefined ? undefined : read;
}

function targetOf(sample: Sample, keys: DiskKeys): FuzzTarget {
  const { name, encode, decode } = sample;
  const target = { name, samples: [encode()], fields: fieldsOf(sample), decode };
  // Everything else is in a place of a size that nothing can change.
  if (!(name in PURPOSES)) return fixedSize(target);
  const purpose = PURPOSES[name as keyof typeof PURPOSES];
  const reseal = (bytes: Buffer): Uint8Array => {
    if (bytes.length < 32) return bytes;
    const body = bytes.subarray(0, bytes.length - 32);
    // A table says how long it is.
    if ((name === 'table' || name === 'chunk') && bytes.length > 48) body.writeUInt32LE(bytes.length, 12);
    return Buffer.concat([body, keys.mac(purpose, body)]);
  };
  return { ...target, reseal, isSealed: true };
}

/** What is read with its exact size only. */
function fixedSize(target: FuzzTarget): FuzzTarget {
  const size = target.samples[0]?.length ?? 0;
  const fit = (bytes: Uint8Array): Uint8Array => {
    const whole = new Uint8Array(size);
    whole.set(bytes.subarray(0, size));
    return whole;
  };
  return {
    ...target,
    decode: (bytes) => {
      const read = target.decode(fit(bytes)) as { meta?: unknown } | undefined;
      return read !== undefined && 'meta' in read && read.meta === undefined ? undefined : read;
    },
  };
}

/** Any counts and checksums whose own checksum fits. */
function checksumsTarget(): FuzzTarget {
  const segmentId = counting(16);
  const checksums = { segmentId, headers: 7, slots: Uint32Array.from({ length: 40 }, (_, i) => i * 99) };
  return {
    name: 'checksums',
    samples: [encodeChecksums(checksums), encodeChecksums({ ...checksums, slots: new Uint32Array(0) })],
    fields: [
      [8, 2],
      [10, 2],
      [12, 4],
      [32, 4],
    ],
    reseal: (bytes) => {
      if (bytes.length < 40) return bytes;
      bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4);
      return bytes;
    },
    decode: (bytes) => decodeChecksums(bytes, segmentId),
  };
}

/** Any bitmap and count whose checksum fits. */
function denseTarget(): FuzzTarget {
  const slots = new SlotSet(DENSE_CAPACITY_MAX);
  for (let slot = 0; slot < 300; slot += 7) slots.add(slot);
  slots.add(DENSE_CAPACITY_MAX - 1);
  return {
    name: 'dense index',
    samples: [encodeDenseIndex(slots), encodeDenseIndex(new SlotSet(DENSE_CAPACITY_MAX))],
    fields: [
      [8, 2],
      [10, 2],
      [12, 4],
      [16, 8],
    ],
    reseal: (bytes) => {
      const copy = Buffer.alloc(DENSE_INDEX_SIZE_BYTES);
      bytes.copy(copy, 0, 0, DENSE_INDEX_SIZE_BYTES - 32);
      createHash('sha256')
        .update(copy.subarray(0, -32))
        .digest()
        .copy(copy, DENSE_INDEX_SIZE_BYTES - 32);
      return Buffer.concat([copy, copy]);
    },
    decode: (bytes) => {
      const { index } = decodeDenseIndex(bytes);
      return index === undefined ? undefined : { count: index.slots.count, sizeBytes: index.fileSizeBytes };
    },
  };
}

/** Any body and meta in a slot that opens: types, levels, indexes and counts that nobody wrote. */
function slotTarget(suite: Suite): FuzzTarget {
  const aead = nodeCipherBackend().createAead(suite, new Uint8Array(suite === 'sm4-gcm' ? 16 : 32).fill(3));
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(SEGMENT));
  nonce.writeUInt32LE(12, 8);
  const plain = Buffer.alloc(4112, 1);
  const none = new Uint8Array(0);
  return {
    name: 'slot that opens',
    samples: [plain],
    fields: [
      [4096, 8],
      [4104, 4],
      [4108, 1],
      [4109, 1],
    ],
    decode: (bytes) => {
      const body = Buffer.alloc(4112);
      body.set(bytes.subarray(0, 4112));
      const sealed = new Uint8Array(SLOT_SIZE_BYTES);
      aead.seal(nonce, none, body.subarray(0, 4096), body.subarray(4096), sealed);
      // An index beyond 2^53 is near, not exact: it is compared with block numbers, which are smaller.
      const { index, ...meta } = openSlot(aead, SEGMENT, 12, sealed, new Uint8Array(4096)) ?? { index: 0 };
      return Number.isInteger(index) ? meta : undefined;
    },
  };
}
