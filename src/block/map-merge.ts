import { DAMAGED, HOLE, isMarker, ZERO } from './address.ts';
import type { Address } from './address.ts';
import { blocksBelow, PAGE_ENTRIES, ROOT_LEVEL, uniformPage } from './map-page.ts';
import type { MapEntries } from './map-page.ts';
import type { MapPages } from './map-pages.ts';
import type { MapWriter } from './map-writer.ts';
import type { Overlay, Run } from './overlay.ts';

/** The part of an overlay that concerns one page: points `[from, to)`, and the runs that touch it. */
interface Part {
  readonly from: number;
  readonly to: number;
  readonly runs: readonly Run[];
}

/**
 * Makes a new map from an old one and what changed since. Only pages on the way to a change are written; pages that
 * come out uniform disappear into their parent, so that a trimmed range costs nothing, however large. Of a page that is lost,
 * the new one says so for every entry that did not change.
 */
export class MapMerge {
  readonly #pages: MapPages;
  readonly #writer: MapWriter;
  readonly #blocks: Float64Array;
  readonly #addresses: Float64Array;
  readonly #runs: readonly Run[];

  constructor(pages: MapPages, writer: MapWriter, overlay: Overlay) {
    this.#pages = pages;
    this.#writer = writer;
    const points = overlay.sortedPoints();
    this.#blocks = points.blocks;
    this.#addresses = points.addresses;
    this.#runs = overlay.runs;
  }

  /** The address of the new root. */
  merge(root: Address): Promise<Address> {
    return this.#page(ROOT_LEVEL, 0, root, { from: 0, to: this.#blocks.length, runs: this.#runs });
  }

  async #page(level: number, index: number, old: Address, part: Part): Promise<Address> {
    if (part.from === part.to && part.runs.length === 0) return old;
    const first = index * blocksBelow(level);
    const end = first + blocksBelow(level);
    const covering = part.runs.find((run) => run.first <= first && run.end >= end);
    const base = covering === undefined ? old : covering.marker;
    if (covering !== undefined && part.from === part.to) return base;
    const runs = covering === undefined ? part.runs : [];
    const before = isMarker(base) ? uniformPage(base) : await this.#pages.loadOrDamaged(base, level, index);
    const entries = before.slice();
    if (level === 0) this.#applyToLeaf(entries, first, { ...part, runs });
    else await this.#applyToChildren(entries, level, index, { ...part, runs });
    for (const marker of [HOLE, ZERO, DAMAGED]) if (entries.every((address) => address === marker)) return marker;
    if (!isMarker(base) && entries.every((address, i) => address === before[i])) return base;
    const address = await this.#writer.append(level, index, entries);
    this.#pages.keep(address, entries);
    return address;
  }

  #applyToLeaf(entries: MapEntries, first: number, part: Part): void {
    for (const run of part.runs)
      entries.fill(run.marker, Math.max(0, run.first - first), Math.min(PAGE_ENTRIES, run.end - first));
    for (let i = part.from; i < part.to; i++) entries[(this.#blocks[i] ?? 0) - first] = this.#addresses[i] ?? HOLE;
  }

  async #applyToChildren(entries: MapEntries, level: number, index: number, part: Part): Promise<void> {
    const span = blocksBelow(level - 1);
    let from = part.from;
    let firstRun = 0;
    for (let child = 0; child < PAGE_ENTRIES; child++) {
      const childIndex = index * PAGE_ENTRIES + child;
      const end = (childIndex + 1) * span;
      let to = from;
      while (to < part.to && (this.#blocks[to] ?? 0) < end) to += 1;
      while ((part.runs[firstRun]?.end ?? Infinity) <= end - span) firstRun += 1;
      let lastRun = firstRun;
      while ((part.runs[lastRun]?.first ?? Infinity) < end) lastRun += 1;
      if (to > from || lastRun > firstRun) {
        const runs = part.runs.slice(firstRun, lastRun);
        entries[child] = await this.#page(level - 1, childIndex, entries[child] ?? HOLE, { from, to, runs });
      }
      from = to;
    }
  }
}
