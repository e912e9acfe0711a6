/**
 * The content of a stream: records in the order of blocks that turn the base into the state. PURE.
 * Layout: docs/formats/stream.md, "Content".
 */
import { assert } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';
import { BLOCK_SIZE_BYTES } from '../base/units.ts';

/** Blocks that one record of blocks tells of; its first block is a multiple of this. */
export const RECORD_BLOCKS = 512;
export const RECORD_HEADER_BYTES = 16;
const STATES_BYTES = RECORD_BLOCKS / 4;
/** Of a record of blocks, before its data. */
export const BLOCKS_HEADER_BYTES = RECORD_HEADER_BYTES + STATES_BYTES;
/** Of a run. */
export const RUN_BYTES = RECORD_HEADER_BYTES + 8;

/** What becomes of a block: nothing, a hole, zeroes that count as allocated, or other bytes. */
export const SAME = 0;
export const HOLE = 1;
export const ZERO = 2;
export const DATA = 3;

const BLOCKS = 1;
const RUN = 2;

export type BlockChange = typeof SAME | typeof HOLE | typeof ZERO | typeof DATA;

/** @param changes for each of the 512 blocks. Data follows the answer: 4 KiB for each block that is DATA. */
export function encodeBlocksHeader(firstBlock: number, changes: Uint8Array): Uint8Array {
  assert(changes.length === RECORD_BLOCKS && firstBlock % RECORD_BLOCKS === 0, 'a record tells of 512 blocks');
  const out = Buffer.alloc(BLOCKS_HEADER_BYTES);
  out[0] = BLOCKS;
  out.writeBigUInt64LE(BigInt(firstBlock), 8);
  let data = 0;
  for (let i = 0; i < RECORD_BLOCKS; i++) {
    const change = changes[i] ?? SAME;
    if (change === DATA) data += 1;
    const at = RECORD_HEADER_BYTES + Math.floor(i / 4);
    out[at] = (out[at] ?? 0) + change * 4 ** (i % 4);
  }
  out.writeUInt16LE(data, 2);
  return out;
}

/** All of `blocks` blocks become `change`. */
export function encodeRun(firstBlock: number, blocks: number, change: typeof HOLE | typeof ZERO): Uint8Array {
  const out = Buffer.alloc(RUN_BYTES);
  out[0] = RUN;
  out[1] = change;
  out.writeBigUInt64LE(BigInt(firstBlock), 8);
  out.writeBigUInt64LE(BigInt(blocks), RECORD_HEADER_BYTES);
  return out;
}

/** One step that a receiver carries out; ranges are whole blocks. */
export type StreamChange =
  | { readonly kind: 'data'; readonly block: number; readonly data: Uint8Array }
  | { readonly kind: 'hole' | 'zero'; readonly block: number; readonly blocks: number };

/** Cuts a content that comes in pieces into changes. */
export class RecordReader {
  readonly #diskBlocks: number;
  #pending: Uint8Array = new Uint8Array(0);
  /** Of the record of blocks that is being read: which blocks still have data to come, and the next of them. */
  #changes: Uint8Array | undefined;
  #firstBlock = 0;
  #next = 0;
  /** Everything before it has been told. */
  #end = 0;
  #dataBlocks = 0;

  constructor(diskSizeBytes: number) {
    this.#diskBlocks = diskSizeBytes / BLOCK_SIZE_BYTES;
  }

  get dataBlocks(): number {
    return this.#dataBlocks;
  }

  /** True where a content may end. */
  get isComplete(): boolean {
    return this.#pending.length === 0 && this.#changes === undefined;
  }

  /**
   * The changes that are complete with this piece. Data lies in `piece` or in a copy.
   * @throws {SystemError} kind `corrupt`, code `STREAM_MALFORMED`: authentic perhaps, but no content.
   */
  *push(piece: Uint8Array): Generator<StreamChange, void> {
    const bytes = this.#pending.length === 0 ? piece : Buffer.concat([this.#pending, piece]);
    let at = 0;
    for (;;) {
      if (this.#changes === undefined) {
        const length = this.#headerBytes(bytes, at);
        if (length === undefined || bytes.length - at < length) break;
        const run = this.#readHeader(Buffer.from(bytes.buffer, bytes.byteOffset + at, length));
        at += length;
        if (run !== undefined) yield run;
        else yield* this.#runsOfRecord();
        continue;
      }
      const count = this.#contiguous(Math.floor((bytes.length - at) / BLOCK_SIZE_BYTES));
      if (count === 0) break;
      const block = this.#firstBlock + this.#next;
      const data = bytes.subarray(at, at + count * BLOCK_SIZE_BYTES);
      at += data.length;
      this.#dataBlocks += count;
      this.#next += count;
      this.#skipToData();
      yield { kind: 'data', block, data };
    }
    this.#pending = bytes.slice(at);
  }

  #headerBytes(bytes: Uint8Array, at: number): number | undefined {
    if (at === bytes.length) return undefined;
    if (bytes[at] === BLOCKS) return BLOCKS_HEADER_BYTES;
    if (bytes[at] === RUN) return RUN_BYTES;
    throw malformed();
  }

  #readHeader(header: Buffer): StreamChange | undefined {
    const block = Number(header.readBigUInt64LE(8));
    if (
      !Number.isSafeInteger(block) ||
      block < this.#end ||
      block % RECORD_BLOCKS !== 0 ||
      header.readUInt32LE(4) !== 0
    )
      throw malformed();
    if (header[0] === RUN) {
      const blocks = Number(header.readBigUInt64LE(RECORD_HEADER_BYTES));
      const kind = header[1] === HOLE ? 'hole' : header[1] === ZERO ? 'zero' : undefined;
      if (kind === undefined || header.readUInt16LE(2) !== 0 || !(blocks > 0 && block + blocks <= this.#diskBlocks))
        throw malformed();
      this.#end = block + blocks;
      return { kind, block, blocks };
    }
    const changes = new Uint8Array(RECORD_BLOCKS);
    let data = 0;
    let last = -1;
    for (let i = 0; i < RECORD_BLOCKS; i++) {
      const change = Math.floor((header[RECORD_HEADER_BYTES + Math.floor(i / 4)] ?? 0) / 4 ** (i % 4)) % 4;
      changes[i] = change;
      if (change === DATA) data += 1;
      if (change !== SAME) last = i;
    }
    if (header[1] !== 0 || data !== header.readUInt16LE(2) || last === -1 || block + last >= this.#diskBlocks)
      throw malformed();
    this.#changes = changes;
    this.#firstBlock = block;
    this.#end = block + RECORD_BLOCKS;
    return undefined;
  }

  /** Holes and zeroes of a record come before its data. */
  *#runsOfRecord(): Generator<StreamChange, void> {
    const changes = this.#changes ?? new Uint8Array(0);
    for (let i = 0; i < RECORD_BLOCKS;) {
      const change = changes[i];
      let end = i + 1;
      while (end < RECORD_BLOCKS && changes[end] === change) end += 1;
      if (change === HOLE || change === ZERO)
        yield { kind: change === HOLE ? 'hole' : 'zero', block: this.#firstBlock + i, blocks: end - i };
      i = end;
    }
    this.#next = 0;
    this.#skipToData();
  }

  #skipToData(): void {
    while (this.#next < RECORD_BLOCKS && this.#changes?.[this.#next] !== DATA) this.#next += 1;
    if (this.#next === RECORD_BLOCKS) this.#changes = undefined;
  }

  /** Blocks with data from the next one on that follow each other, at most `max`. */
  #contiguous(max: number): number {
    let count = 0;
    while (count < max && this.#changes?.[this.#next + count] === DATA) count += 1;
    return count;
  }
}

function malformed(): SystemError {
  return new SystemError(
    'corrupt',
    'STREAM_MALFORMED',
    'The content of the stream makes no sense although it is authentic; receive it with the version that sent it.',
  );
}
