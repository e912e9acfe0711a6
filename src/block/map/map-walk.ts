import { isKind } from '../../base/errors.ts';
import { isMarker } from '../format/address.ts';
import type { Address } from '../format/address.ts';
import { PAGE_ENTRIES, ROOT_LEVEL } from '../format/map-page.ts';
import type { MapEntries } from '../format/map-page.ts';
import type { MapPages } from './map-pages.ts';

export interface MapVisitor {
  /** A page that was not visited before; false: leave out what is below it. */
  page(address: Address, level: number, index: number): boolean;
  /** The entries of a leaf. */
  leaf(entries: MapEntries, index: number): void;
  /** A page of which no copy opens, or which the store cannot read. */
  lost(address: Address, level: number, index: number): void;
}

/**
 * Walks over the map below a root, page by page in order of blocks.
 * @param pause awaited after each page, so that the walk goes in short slices and can be stopped by throwing.
 */
export async function walkMap(
  pages: MapPages,
  root: Address,
  visitor: MapVisitor,
  pause: () => Promise<void> | undefined,
): Promise<void> {
  const visit = async (address: Address, level: number, index: number): Promise<void> => {
    if (isMarker(address) || !visitor.page(address, level, index)) return;
    let entries: MapEntries;
    try {
      entries = await pages.load(address, level, index);
    } catch (error) {
      if (!isKind(error, 'corrupt') && !isKind(error, 'unavailable')) throw error;
      visitor.lost(address, level, index);
      return;
    }
    await pause();
    if (level === 0) visitor.leaf(entries, index);
    else
      for (const [i, child] of entries.entries())
        if (!isMarker(child)) await visit(child, level - 1, index * PAGE_ENTRIES + i);
  };
  await visit(root, ROOT_LEVEL, 0);
}
