/** Looks for pieces of a plaintext in every file of a folder. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import path from 'node:path';

export const RUN_BYTES = 16;
const CHUNK_BYTES = 4 * 1024 * 1024;
/** Runs of few distinct bytes (zeroes, padding) say nothing. */
const DISTINCT_MIN = 8;
const FILTER_BITS = 27;

/** A set of 32-bit words with false positives: one bit for each value of their hash. */
class WordFilter {
  readonly #bits = new Uint8Array(2 ** (FILTER_BITS - 3));

  add(word: number): void {
    const at = Math.imul(word, 0x9e3779b1) >>> (32 - FILTER_BITS);
    this.#bits[at >>> 3] = (this.#bits[at >>> 3] as number) | (1 << (at & 7));
  }

  has(word: number): boolean {
    const at = Math.imul(word, 0x9e3779b1) >>> (32 - FILTER_BITS);
    return ((this.#bits[at >>> 3] as number) & (1 << (at & 7))) !== 0;
  }
}

/**
 * The 16-byte runs at every 16 bytes of some files, looked for at every byte offset of others.
 * Three filters dismiss nearly every offset; what passes them is compared in full.
 */
export class PlaintextRuns {
  readonly #files: readonly string[];
  readonly #first = new WordFilter();
  readonly #second = new WordFilter();
  readonly #third = new WordFilter();
  readonly count: number;

  constructor(files: readonly string[]) {
    this.#files = files;
    let count = 0;
    for (const run of runsOf(files)) {
      this.#first.add(run.readInt32LE(0));
      this.#second.add(run.readInt32LE(4));
      this.#third.add(run.readInt32LE(8));
      count += 1;
    }
    this.count = count;
  }

  /** The first place below `folder` where a run stands: `file at byte N`, or undefined. */
  findIn(folder: string): string | undefined {
    const suspects = new Map<string, string>();
    for (const file of filesBelow(folder)) {
      let base = 0;
      for (const chunk of chunksOf(file, RUN_BYTES - 1)) {
        for (const at of this.#suspectsIn(chunk)) {
          const run = chunk.toString('latin1', at, at + RUN_BYTES);
          if (!suspects.has(run)) suspects.set(run, `${file} at byte ${base + at}`);
        }
        base += CHUNK_BYTES;
      }
    }
    for (const run of runsOf(this.#files)) {
      const place = suspects.get(run.toString('latin1'));
      if (place !== undefined) return place;
    }
    return undefined;
  }

  #suspectsIn(chunk: Buffer): number[] {
    const found: number[] = [];
    for (let at = 0; at + RUN_BYTES <= chunk.length; at++) {
      if (
        this.#first.has(wordAt(chunk, at)) &&
        this.#second.has(wordAt(chunk, at + 4)) &&
        this.#third.has(wordAt(chunk, at + 8))
      )
        found.push(at);
    }
    return found;
  }
}

export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function wordAt(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

/** Each run is valid until the next is asked for. */
function* runsOf(files: readonly string[]): Generator<Buffer> {
  for (const file of files) {
    for (const chunk of chunksOf(file, 0)) {
      for (let at = 0; at + RUN_BYTES <= chunk.length; at += RUN_BYTES) {
        if (distinctBytes(chunk, at) >= DISTINCT_MIN) yield chunk.subarray(at, at + RUN_BYTES);
      }
    }
  }
}

function distinctBytes(chunk: Buffer, from: number): number {
  let distinct = 0;
  for (let at = from; at < from + RUN_BYTES; at++) {
    let earlier = from;
    while (chunk[earlier] !== chunk[at]) earlier += 1;
    if (earlier === at) distinct += 1;
  }
  return distinct;
}

/** A file in pieces that overlap by `overlap` bytes, so that nothing is cut in two. */
function* chunksOf(file: string, overlap: number): Generator<Buffer> {
  const size = statSync(file).size;
  const fd = openSync(file, 'r');
  try {
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES + overlap, size - at));
      const read = readSync(fd, chunk, 0, chunk.length, at);
      yield chunk.subarray(0, read);
    }
  } finally {
    closeSync(fd);
  }
}
