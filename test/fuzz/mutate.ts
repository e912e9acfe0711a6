/** Changes valid bytes in ways that decoders get wrong: fields, lengths, ends, and parts of other samples. */
import type { Seeded } from '../sim/seeded.ts';

/** Where a field lies, as (offset, size); any others are found by chance. */
export type Fields = readonly (readonly [offset: number, size: number])[];

const BOUNDARIES = [
  0n,
  1n,
  2n,
  3n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** One to four changes of `sample`, which stays as it is. `others` lend their parts. */
export function mutate(
  random: Seeded,
  sample: Uint8Array,
  fields: Fields = [],
  others: readonly Uint8Array[] = [],
): Buffer {
  let bytes: Buffer = Buffer.from(sample);
  for (let changes = 1 + random.below(4); changes > 0; changes--) bytes = change(random, bytes, fields, others);
  return bytes;
}

function change(random: Seeded, bytes: Buffer, fields: Fields, others: readonly Uint8Array[]): Buffer {
  const { length } = bytes;
  if (length === 0) return Buffer.from(random.bytes(1 + random.below(64)));
  const at = random.below(length);
  switch (random.below(9)) {
    case 0:
      bytes.writeUInt8(bytes.readUInt8(at) ^ (2 ** random.below(8)), at);
      return bytes;
    case 1:
      bytes.writeUInt8(random.below(256), at);
      return bytes;
    case 2:
      return bytes.subarray(0, random.below(length + 1));
    case 3:
      return Buffer.concat([bytes, random.bytes(1 + random.below(40))]);
    case 4: {
      // A part of another sample, or of this one, at the same place or anywhere.
      const source = others.length > 0 ? random.pick(others) : bytes;
      const from = random.chance(0.5) ? Math.min(at, source.length) : random.below(source.length + 1);
      Buffer.from(source.subarray(from, from + 1 + random.below(64))).copy(bytes, at);
      return bytes;
    }
    case 5: {
      const part = bytes.subarray(at, at + 1 + random.below(64));
      return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
    }
    case 6:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(64))]);
    default: {
      const field = fields.length > 0 && random.chance(0.8) ? random.pick(fields) : undefined;
      return setField(random, bytes, field?.[0] ?? at, field?.[1] ?? random.pick([1, 2, 4, 8]));
    }
  }
}

/** A number at the edge of some type, or near what is there, in either byte order. */
function setField(random: Seeded, bytes: Buffer, offset: number, size: number): Buffer {
  if (![1, 2, 4, 8].includes(size)) {
    random.bytes(size).forEach((byte, i) => {
      if (offset + i < bytes.length) bytes[offset + i] = byte;
    });
    return bytes;
  }
  const value = Buffer.alloc(8);
  value.writeBigUInt64LE(random.pick(BOUNDARIES));
  const part = Buffer.from(value.subarray(0, size));
  if (random.chance(0.3)) part.reverse();
  part.copy(bytes, Math.min(offset, bytes.length));
  return bytes;
}
