import type { LogPosition } from '../format/address.ts';
import { rangeOf } from '../format/chunk-format.ts';
import type { ChunkReference, SegmentEntry } from '../format/table-format.ts';

/**
 * The segments of a disk by number, in the ranges of which each has a chunk file, and which of them changed since that
 * was written: a checkpoint costs what changed, however many segments there are.
 */
export class SegmentRanges {
  readonly #ranges = new Map<number, Map<number, SegmentEntry>>();
  /** The chunks that the durable head's table names. */
  #chunks = new Map<number, ChunkReference>();
  /** Ranges that may differ from their chunk, and which change was the last. */
  readonly #changed = new Map<number, number>();
  #changes = 0;

  constructor(table: { readonly segments: readonly SegmentEntry[]; readonly chunks: readonly ChunkReference[] }) {
    for (const entry of table.segments) this.#range(rangeOf(entry.number)).set(entry.number, entry);
    for (const chunk of table.chunks) this.#chunks.set(chunk.range, chunk);
    for (const range of this.#ranges.keys()) if (!this.#chunks.has(range)) this.#note(range);
  }

  get(number: number): SegmentEntry | undefined {
    return this.#ranges.get(rangeOf(number))?.get(number);
  }

  put(entry: SegmentEntry): void {
    const range = rangeOf(entry.number);
    this.#range(range).set(entry.number, entry);
    this.#note(range);
  }

  remove(number: number): void {
    const range = rangeOf(number);
    if (this.#ranges.get(range)?.delete(number) === true) this.#note(range);
  }

  get size(): number {
    let size = 0;
    for (const range of this.#ranges.values()) size += range.size;
    return size;
  }

  *values(): Generator<SegmentEntry> {
    for (const range of this.#ranges.values()) yield* range.values();
  }

  /** The chunks that the durable head's table names. */
  get chunks(): Iterable<ChunkReference> {
    return this.#chunks.values();
  }

  /**
   * The segments as they are now, for a table that is written while they go on changing.
   * @param end where the log is cut: of its segment only so many slots belong.
   * @param nextNumber what is added to the frozen segments has this number or a higher one.
   */
  freeze(end: LogPosition | undefined, nextNumber: number): FrozenSegments {
    const changed = new Map<number, Map<number, SegmentEntry>>();
    for (const range of this.#changed.keys()) changed.set(range, new Map(this.#ranges.get(range)));
    const cut = end && changed.get(rangeOf(end.segment));
    const last = end && cut?.get(end.segment);
    if (last !== undefined) cut?.set(last.number, { ...last, slots: end?.slot ?? 0 });
    const topRange = rangeOf(nextNumber);
    const top = { range: topRange, segments: new Map(this.#ranges.get(topRange)) };
    return new FrozenSegments(this.#changes, this.#chunks, changed, top, end && rangeOf(end.segment));
  }

  /** The durable head's table names `chunks` now. Answers those that it no longer names. */
  stored(frozen: FrozenSegments, chunks: readonly ChunkReference[]): readonly ChunkReference[] {
    const before = this.#chunks;
    this.#chunks = new Map(chunks.map((chunk) => [chunk.range, chunk]));
    for (const [range, change] of this.#changed) if (change <= frozen.change) this.#changed.delete(range);
    for (const [range, entries] of this.#ranges) if (entries.size === 0) this.#ranges.delete(range);
    // The log's segment grows on without a word.
    if (frozen.growing !== undefined) this.#note(frozen.growing);
    return [...before.values()].filter((chunk) => this.#chunks.get(chunk.range) !== chunk);
  }

  #range(range: number): Map<number, SegmentEntry> {
    let entries = this.#ranges.get(range);
    if (entries === undefined) {
      entries = new Map();
      this.#ranges.set(range, entries);
    }
    return entries;
  }

  #note(range: number): void {
    this.#changes += 1;
    this.#changed.set(range, this.#changes);
  }
}

/** Segments as they were at one moment: unchanged ranges by their chunks, the others entry by entry. */
export class FrozenSegments {
  /** The last change that is in it. */
  readonly change: number;
  chunks: ReadonlyMap<number, ChunkReference>;
  readonly #changed: Map<number, Map<number, SegmentEntry>>;
  /** The range in which segments may be added, if it did not change. */
  readonly #top: { readonly range: number; readonly segments: Map<number, SegmentEntry> };
  /** The range with the segment in which the log was cut. */
  readonly growing: number | undefined;

  constructor(
    change: number,
    chunks: ReadonlyMap<number, ChunkReference>,
    changed: Map<number, Map<number, SegmentEntry>>,
    top: { readonly range: number; readonly segments: Map<number, SegmentEntry> },
    growing: number | undefined,
  ) {
    this.change = change;
    this.chunks = chunks;
    this.#changed = changed;
    this.#top = top;
    this.growing = growing;
  }

  add(entry: SegmentEntry): void {
    const range = rangeOf(entry.number);
    let segments = this.#changed.get(range);
    if (segments === undefined) {
      segments = range === this.#top.range ? this.#top.segments : new Map<number, SegmentEntry>();
      this.#changed.set(range, segments);
    }
    segments.set(entry.number, entry);
  }

  /** Says that `chunk` holds a range as it is. */
  use(range: number, chunk: ChunkReference): void {
    this.#changed.delete(range);
    this.chunks = new Map([...this.chunks, [range, chunk]]);
  }

  /** The ranges that need a chunk, each with its segments in order of their numbers. */
  *changed(): Generator<readonly [range: number, segments: readonly SegmentEntry[]]> {
    for (const [range, segments] of this.#changed)
      yield [range, [...segments.values()].sort((a, b) => a.number - b.number)];
  }
}
