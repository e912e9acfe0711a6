/** Where what lies in the content of a stream: found by one walk over the state, without reading any data. */
import { BLOCK_SIZE_BYTES, MiB } from '../base/units.ts';
import { BLOCKS_HEADER_BYTES, DATA, HOLE, RECORD_BLOCKS, RUN_BYTES, SAME, ZERO } from './stream-records.ts';

/** A state of a disk that does not change, and what it is compared with. Offsets and lengths are bytes. */
export interface StateToSend {
  readonly sizeBytes: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Extents from `offset` on, without gaps, at least one; may end early. */
  blockStatus(offset: number, length: number): Promise<readonly StatusExtent[]>;
  /** What differs from the base, likewise. Without it the base is an empty disk. */
  changedSinceBase?: (offset: number, length: number) => Promise<readonly ChangedExtent[]>;
}

interface StatusExtent {
  readonly lengthBytes: number;
  readonly hole: boolean;
  readonly zero: boolean;
}

interface ChangedExtent {
  readonly lengthBytes: number;
  readonly dirty: boolean;
}

const RECORD_SPAN_BYTES = RECORD_BLOCKS * BLOCK_SIZE_BYTES;
/** How far one question about mapped blocks reaches: 128 pages of the map, 1 to 3 ms. */
const QUESTION_BYTES = 256 * MiB;
/** Steps between two turns of the event loop. */
const STEPS_IN_ONE_GO = 32;

/** One record: a run of `run.blocks` blocks, or up to 512 blocks from `firstBlock` on. */
export interface PlacedRecord {
  readonly firstBlock: number;
  /** In the content, and how long. */
  readonly at: number;
  readonly lengthBytes: number;
  readonly run: { readonly blocks: number; readonly change: typeof HOLE | typeof ZERO } | undefined;
}

/** 24 bytes of memory for each 2 MiB of the disk that changed, as long as the stream is served. */
export class StreamLayout {
  readonly #firstBlocks: number[] = [];
  readonly #ats: number[] = [];
  /** 0 for a record of blocks; how many become holes, or, below zero, zeroes. */
  readonly #runs: number[] = [];
  #bodyBytes = 0;
  #dataBlocks = 0;

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  get dataBlocks(): number {
    return this.#dataBlocks;
  }

  get records(): number {
    return this.#ats.length;
  }

  /** The same for the same state and base, whenever it is computed. */
  static async of(state: StateToSend): Promise<StreamLayout> {
    const layout = new StreamLayout();
    let reach = QUESTION_BYTES;
    let steps = 0;
    for (let at = 0; at < state.sizeBytes;) {
      steps += 1;
      if (steps % STEPS_IN_ONE_GO === 0) await new Promise((resolve) => setImmediate(resolve));
      const dirtyEnd = await dirtyUpTo(state, at);
      if (dirtyEnd.from > at) {
        at = Math.max(at, alignedDown(dirtyEnd.from));
        if (dirtyEnd.from >= state.sizeBytes) break;
      }
      const asked = Math.min(
        reach,
        Math.max(alignedUp(dirtyEnd.to), at + RECORD_SPAN_BYTES) - at,
        state.sizeBytes - at,
      );
      const [first] = await state.blockStatus(at, asked);
      const length = first?.lengthBytes ?? 0;
      const toEnd = at + length >= state.sizeBytes;
      const whole = toEnd ? length : alignedDown(length);
      const isEmpty = first?.hole === true || first?.zero === true;
      reach = isEmpty && length === asked ? reach * 8 : QUESTION_BYTES;
      const isFull = state.changedSinceBase === undefined;
      if (whole === 0 || (!isEmpty && !(isFull || dirtyEnd.from <= at))) {
        await layout.#addMixed(state, at);
        at += RECORD_SPAN_BYTES;
      } else if (isEmpty) {
        if (!(isFull && first.hole)) layout.#addRun(at / BLOCK_SIZE_BYTES, whole / BLOCK_SIZE_BYTES, first.hole);
        at += whole;
      } else {
        // Wholly within what changed and what has data: no question about single blocks.
        const certain = Math.min(whole, isFull ? whole : wholeRecords(at, dirtyEnd.to, state.sizeBytes));
        if (certain === 0) {
          await layout.#addMixed(state, at);
          at += RECORD_SPAN_BYTES;
        } else {
          for (const end = at + certain; at < end; at += RECORD_SPAN_BYTES)
            layout.#addBlocks(at / BLOCK_SIZE_BYTES, Math.min(RECORD_SPAN_BYTES, end - at) / BLOCK_SIZE_BYTES);
        }
      }
    }
    return layout;
  }

  record(index: number): PlacedRecord {
    const at = this.#ats[index] ?? this.#bodyBytes;
    const run = this.#runs[index] ?? 0;
    return {
      firstBlock: this.#firstBlocks[index] ?? 0,
      at,
      lengthBytes: (this.#ats[index + 1] ?? this.#bodyBytes) - at,
      run: run === 0 ? undefined : { blocks: Math.abs(run), change: run > 0 ? HOLE : ZERO },
    };
  }

  /** The record in which `offset` of the content lies. */
  indexAt(offset: number): number {
    let [low, high] = [0, this.#ats.length];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#ats[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  async #addMixed(state: StateToSend, at: number): Promise<void> {
    const changes = await changesOf(state, at / BLOCK_SIZE_BYTES);
    if (changes.every((change) => change === SAME)) return;
    let data = 0;
    for (const change of changes) if (change === DATA) data += 1;
    this.#addBlocks(at / BLOCK_SIZE_BYTES, data);
  }

  #addBlocks(firstBlock: number, dataBlocks: number): void {
    this.#add(firstBlock, 0, BLOCKS_HEADER_BYTES + dataBlocks * BLOCK_SIZE_BYTES);
    this.#dataBlocks += dataBlocks;
  }

  #addRun(firstBlock: number, blocks: number, hole: boolean): void {
    const last = this.#runs.length - 1;
    const before = this.#runs[last] ?? 0;
    const isSameKind = hole ? before > 0 : before < 0;
    if (isSameKind && (this.#firstBlocks[last] ?? 0) + Math.abs(before) === firstBlock)
      this.#runs[last] = before + (hole ? blocks : -blocks);
    else this.#add(firstBlock, hole ? blocks : -blocks, RUN_BYTES);
  }

  #add(firstBlock: number, run: number, lengthBytes: number): void {
    this.#firstBlocks.push(firstBlock);
    this.#ats.push(this.#bodyBytes);
    this.#runs.push(run);
    this.#bodyBytes += lengthBytes;
  }
}

/** What becomes of each of the 512 blocks from `firstBlock` on. */
export async function changesOf(state: StateToSend, firstBlock: number): Promise<Uint8Array> {
  const changes = new Uint8Array(RECORD_BLOCKS);
  const start = firstBlock * BLOCK_SIZE_BYTES;
  const end = Math.min(start + RECORD_SPAN_BYTES, state.sizeBytes);
  const indexOf = (offset: number): number => (offset - start) / BLOCK_SIZE_BYTES;
  for (let at = start; at < end;) {
    for (const { lengthBytes, hole, zero } of await state.blockStatus(at, end - at)) {
      changes.fill(hole ? HOLE : zero ? ZERO : DATA, indexOf(at), indexOf(Math.min(end, at + lengthBytes)));
      at += lengthBytes;
    }
  }
  if (state.changedSinceBase === undefined) {
    // An empty disk has holes.
    return changes.map((change) => (change === HOLE ? SAME : change));
  }
  for (let at = start; at < end;) {
    for (const { lengthBytes, dirty } of await state.changedSinceBase(at, end - at)) {
      if (!dirty) changes.fill(SAME, indexOf(at), indexOf(Math.min(end, at + lengthBytes)));
      at += lengthBytes;
    }
  }
  return changes;
}

/** The first range at or behind `at` that differs from the base; from the disk's size on when there is none. */
async function dirtyUpTo(state: StateToSend, at: number): Promise<{ readonly from: number; readonly to: number }> {
  if (state.changedSinceBase === undefined) return { from: at, to: state.sizeBytes };
  let position = at;
  while (position < state.sizeBytes) {
    for (const { lengthBytes, dirty } of await state.changedSinceBase(position, state.sizeBytes - position)) {
      if (dirty) return { from: position, to: position + lengthBytes };
      position += lengthBytes;
    }
  }
  return { from: state.sizeBytes, to: state.sizeBytes };
}

/** How much of what begins at `at` are whole records that end by `end`. */
function wholeRecords(at: number, end: number, size: number): number {
  return end >= size ? size - at : alignedDown(Math.max(0, end - at));
}

function alignedDown(bytes: number): number {
  return bytes - (bytes % RECORD_SPAN_BYTES);
}

function alignedUp(bytes: number): number {
  return alignedDown(bytes + RECORD_SPAN_BYTES - 1);
}
