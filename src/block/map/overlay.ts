import type { Address } from '../format/address.ts';
import { BlockTable } from './block-table.ts';
import { sortPoints } from './sorted-points.ts';
import type { Points } from './sorted-points.ts';

/** Blocks `first` up to but not including `end` that read as zeroes; `marker` says as a hole or as allocated zeroes. */
export interface Run {
  readonly first: number;
  readonly end: number;
  readonly marker: Address;
}

/** A shorter run is stored block by block, which is cheaper than an entry that every lookup has to search. */
const SHORT_RUN_BLOCKS = 32;
/** Blocks below one leaf of the map. */
const LEAF_BLOCKS = 512;

/**
 * What changed since the last checkpoint: newer than the map. Points win over runs, because setting a run
 * overwrites the points inside it.
 */
export class Overlay {
  readonly #points: BlockTable;
  /** Sorted, disjoint. */
  #runs: Run[] = [];
  /** One bit for each leaf that may have points: lets ranges without any be skipped. */
  #leaves = new Uint8Array(0);

  /** @param expected blocks that may be held without rearranging them. */
  constructor(expected = 0) {
    this.#points = new BlockTable(expected);
  }

  /** Blocks and ranges held: what a checkpoint has to merge. */
  get size(): number {
    return this.#points.size + this.#runs.length;
  }

  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** Undefined when the map below decides. */
  get(block: number): Address | undefined {
    const point = this.#points.get(block);
    if (point !== undefined) return point;
    if (this.#runs.length === 0) return undefined;
    const run = this.#runs[this.#firstRunEndingAfter(block)];
    return run !== undefined && run.first <= block ? run.marker : undefined;
  }

  set(block: number, address: Address): void {
    this.#points.set(block, address);
    this.#noteLeaf(Math.floor(block / LEAF_BLOCKS));
  }

  setRun(first: number, blockCount: number, marker: Address): void {
    const end = first + blockCount;
    if (blockCount <= SHORT_RUN_BLOCKS) {
      for (let block = first; block < end; block++) this.set(block, marker);
      return;
    }
    this.#points.overwriteRange(first, end, marker);
    const from = this.#firstRunEndingAfter(first);
    let to = from;
    const kept: Run[] = [];
    for (let run = this.#runs[to]; run !== undefined && run.first < end; run = this.#runs[++to]) {
      if (run.first < first) kept.push({ ...run, end: first });
      if (run.end > end) kept.push({ ...run, first: end });
    }
    kept.push({ first, end, marker });
    kept.sort((a, b) => a.first - b.first);
    this.#runs.splice(from, to - from, ...kept);
  }

  /** The first leaf from `leaf` on of which a block may be decided here, at most `limit`: the map decides all before it. */
  nextLeaf(leaf: number, limit: number): number {
    const run = this.#runs[this.#firstRunEndingAfter(leaf * LEAF_BLOCKS)];
    const end = run === undefined ? limit : Math.min(limit, Math.max(leaf, Math.floor(run.first / LEAF_BLOCKS)));
    return this.#nextLeafWithPoints(leaf, end);
  }

  /** The leaves from `leaf` on, up to but not including `end` and at most `limit`, that one run decides as a whole. */
  coveredLeaves(leaf: number, limit: number): { readonly marker: Address; readonly end: number } | undefined {
    const run = this.#runs[this.#firstRunEndingAfter(leaf * LEAF_BLOCKS)];
    if (run === undefined || run.first > leaf * LEAF_BLOCKS) return undefined;
    const end = this.#nextLeafWithPoints(leaf, Math.min(limit, Math.floor(run.end / LEAF_BLOCKS)));
    return end > leaf ? { marker: run.marker, end } : undefined;
  }

  /** Points in order of their block. Others have their turn meanwhile; this overlay must not change. */
  sortedPoints(): Promise<Points> {
    const { blocks, addresses } = this.#points.entries();
    return sortPoints(blocks, addresses);
  }

  /** Applies a newer overlay on top of this one. */
  absorb(newer: Overlay): void {
    for (const run of newer.runs) this.setRun(run.first, run.end - run.first, run.marker);
    newer.#points.forEach((block, address) => this.set(block, address));
  }

  /** The first leaf from `leaf` on that may have points, at most `end`. */
  #nextLeafWithPoints(leaf: number, end: number): number {
    for (let at = leaf; at < end;) {
      const byte = Math.floor(at / 8);
      if (byte >= this.#leaves.length) return end;
      if (this.#hasLeaf(at)) return at;
      at = this.#leaves[byte] === 0 ? (byte + 1) * 8 : at + 1;
    }
    return end;
  }

  /** Index of the first run whose end lies behind `block`. */
  #firstRunEndingAfter(block: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#runs[middle]?.end ?? 0) > block) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  // Bits are chosen inside one byte: leaf numbers themselves never meet a bitwise operator.
  #noteLeaf(leaf: number): void {
    const byte = Math.floor(leaf / 8);
    if (byte >= this.#leaves.length) {
      const grown = new Uint8Array(Math.max(1024, byte + 1, this.#leaves.length * 2));
      grown.set(this.#leaves);
      this.#leaves = grown;
    }
    this.#leaves[byte] = (this.#leaves[byte] ?? 0) | (1 << (leaf % 8));
  }

  #hasLeaf(leaf: number): boolean {
    return ((this.#leaves[Math.floor(leaf / 8)] ?? 0) & (1 << (leaf % 8))) !== 0;
  }
}
