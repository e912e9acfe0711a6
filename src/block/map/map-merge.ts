import { DAMAGED, HOLE, isMarker, ZERO } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { blocksBelow, PAGE_ENTRIES, ROOT_LEVEL, uniformPage } from '../format/map-page.ts';
import type { MapEntries } from '../format/map-page.ts';
import type { MapPages } from './map-pages.ts';
import type { MapWriter } from './map-writer.ts';
import type { Overlay, Run } from './overlay.ts';

/** Leaves that are read at the same time. */
const LEAVES_AT_ONCE = 32;

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
  readonly #overlay: Overlay;
  #blocks: Float64Array = new Float64Array(0);
  #addresses: Float64Array = new Float64Array(0);
  readonly #runs: readonly Run[];
  readonly #advance: (merged: number) => void;

  /** @param advance is told which part of the changes is merged, from 0 to 1. */
  constructor(pages: MapPages, writer: MapWriter, overlay: Overlay, advance: (merged: number) => void) {
    this.#pages = pages;
    this.#writer = writer;
    this.#overlay = overlay;
    this.#runs = overlay.runs;
    this.#advance = advance;
  }

  /** The address of the new root. */
  async merge(root: Address): Promise<Address> {
    const { blocks, addresses } = await this.#overlay.sortedPoints();
    this.#blocks = blocks;
    this.#addresses = addresses;
    const merged = await this.#page(ROOT_LEVEL, 0, root, { from: 0, to: this.#blocks.length, runs: this.#runs });
    this.#advance(1);
    return merged;
  }

  async #page(level: number, index: number, old: Address, part: Part): Promise<Address> {
    const plan = planOf(level, index, old, part);
    if (plan.done !== undefined) return plan.done;
    return this.#rewrite(level, index, plan, await this.#before(level, index, plan.base));
  }

  async #before(level: number, index: number, base: Address): Promise<MapEntries> {
    return isMarker(base) ? uniformPage(base) : this.#pages.loadOrDamaged(base, level, index);
  }

  async #rewrite(level: number, index: number, plan: Plan, before: MapEntries): Promise<Address> {
    const { base, part } = plan;
    const entries = before.slice();
    if (level === 0) this.#applyToLeaf(entries, index * PAGE_ENTRIES, part);
    else await this.#applyToChildren(entries, level, index, part);
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
    const children = this.#changedChildren(level, index, part);
    if (level > 1) {
      for (const { child, part: childPart } of children)
        entries[child] = await this.#page(level - 1, index * PAGE_ENTRIES + child, entries[child] ?? HOLE, childPart);
      return;
    }
    for (let at = 0; at < children.length; at += LEAVES_AT_ONCE) {
      const group = children.slice(at, at + LEAVES_AT_ONCE).map(({ child, part: leafPart }) => {
        const leaf = index * PAGE_ENTRIES + child;
        const plan = planOf(0, leaf, entries[child] ?? HOLE, leafPart);
        return { child, leaf, plan, before: plan.done === undefined ? this.#before(0, leaf, plan.base) : undefined };
      });
      // All of them end before the first failure is passed on: nothing reads on behind a checkpoint that failed.
      await Promise.allSettled(group.flatMap(({ before }) => (before === undefined ? [] : [before])));
      for (const { child, leaf, plan, before } of group)
        entries[child] = before === undefined ? plan.base : await this.#rewrite(0, leaf, plan, await before);
      if (this.#blocks.length > 0) this.#advance((group.at(-1)?.plan.part.to ?? 0) / this.#blocks.length);
    }
  }

  #changedChildren(level: number, index: number, part: Part): { readonly child: number; readonly part: Part }[] {
    const span = blocksBelow(level - 1);
    const changed: { readonly child: number; readonly part: Part }[] = [];
    let from = part.from;
    let firstRun = 0;
    for (let child = 0; child < PAGE_ENTRIES; child++) {
      const end = (index * PAGE_ENTRIES + child + 1) * span;
      let to = from;
      while (to < part.to && (this.#blocks[to] ?? 0) < end) to += 1;
      while ((part.runs[firstRun]?.end ?? Infinity) <= end - span) firstRun += 1;
      let lastRun = firstRun;
      while ((part.runs[lastRun]?.first ?? Infinity) < end) lastRun += 1;
      if (to > from || lastRun > firstRun)
        changed.push({ child, part: { from, to, runs: part.runs.slice(firstRun, lastRun) } });
      from = to;
    }
    return changed;
  }
}

/** What becomes of a page: nothing needs to be read when it is `done`, else `part` changes what is at `base`. */
interface Plan {
  readonly done?: Address;
  readonly base: Address;
  readonly part: Part;
}

function planOf(level: number, index: number, old: Address, part: Part): Plan {
  if (part.from === part.to && part.runs.length === 0) return { done: old, base: old, part };
  const first = index * blocksBelow(level);
  const end = first + blocksBelow(level);
  const covering = part.runs.find((run) => run.first <= first && run.end >= end);
  if (covering === undefined) return { base: old, part };
  const base = covering.marker;
  // Points win over runs, so that those inside the covering one still count.
  return part.from === part.to ? { done: base, base, part } : { base, part: { ...part, runs: [] } };
}
