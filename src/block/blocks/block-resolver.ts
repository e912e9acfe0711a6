import type { Address } from '../format/address.ts';
import { PAGE_ENTRIES } from '../format/map-page.ts';
import type { MapEntries } from '../format/map-page.ts';
import type { ReadableState } from './readable-state.ts';

/** Where blocks are now: the overlays first, then the map. */
export class BlockResolver {
  readonly #state: ReadableState;

  constructor(state: ReadableState) {
    this.#state = state;
  }

  /** The addresses of `count` blocks from `first` on, as they are together at one moment per leaf. */
  async resolve(first: number, count: number): Promise<Float64Array> {
    const addresses = new Float64Array(count);
    let at = 0;
    while (at < count) {
      const leaf = Math.floor((first + at) / PAGE_ENTRIES);
      const end = Math.min(count, (leaf + 1) * PAGE_ENTRIES - first);
      const { root } = this.#state;
      const entries = this.#state.pages.leafCached(root, leaf) ?? (await this.#state.pages.leaf(root, leaf));
      // A checkpoint that ended while the page was read has moved what the overlays knew into another map.
      if (root !== this.#state.root) continue;
      this.#fill(addresses, first, at, end, entries);
      at = end;
    }
    return addresses;
  }

  /** The same into `addresses` when no page of the map has to be read; false when one has. */
  resolveCached(first: number, count: number, addresses: Float64Array): boolean {
    let at = 0;
    while (at < count) {
      const leaf = Math.floor((first + at) / PAGE_ENTRIES);
      const end = Math.min(count, (leaf + 1) * PAGE_ENTRIES - first);
      const entries = this.#state.pages.leafCached(this.#state.root, leaf);
      if (entries === undefined) return false;
      this.#fill(addresses, first, at, end, entries);
      at = end;
    }
    return true;
  }

  /** Whether a block still has the address that it had when the map's root was `root`; never waits. */
  isUnchanged(block: number, address: Address, root: Address): boolean {
    const { overlay, frozen } = this.#state;
    const changed = overlay.get(block) ?? frozen?.get(block);
    // What no overlay knows is as the map says, and below one root the map never changes.
    return changed === undefined ? this.#state.root === root : changed === address;
  }

  #fill(addresses: Float64Array, first: number, from: number, end: number, entries: MapEntries | Address): void {
    const { overlay, frozen } = this.#state;
    for (let i = from; i < end; i++) {
      const block = first + i;
      const changed = overlay.get(block) ?? frozen?.get(block);
      if (changed !== undefined) addresses[i] = changed;
      else if (typeof entries === 'object') addresses[i] = entries[block % PAGE_ENTRIES] ?? 0;
      else addresses[i] = entries;
    }
  }
}
