/** Pages of the map, block number -> address. Layout in docs/formats/map.md. */
import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import type { Address } from './address.ts';

export const PAGE_ENTRIES = 512;
/** Four levels of 512 entries reach 256 TiB; the root is always on the highest. */
export const ROOT_LEVEL = 3;

/** 512 addresses: of blocks on level 0, of pages one level below on the others. */
export type MapEntries = Float64Array;

const HIGH = 2 ** 32;

/** Blocks below one page of this level. */
export function blocksBelow(level: number): number {
  return PAGE_ENTRIES ** (level + 1);
}

export function encodeMapPage(entries: MapEntries): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  // Once for every leaf that changed: an iterator would take several times as long.
  for (let i = 0; i < PAGE_ENTRIES; i++) {
    const address = entries[i] ?? 0;
    view.setUint32(i * 8, address % HIGH, true);
    view.setUint32(i * 8 + 4, Math.floor(address / HIGH), true);
  }
  return bytes;
}

export function decodeMapPage(bytes: Uint8Array): MapEntries {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = new Float64Array(PAGE_ENTRIES);
  for (let i = 0; i < PAGE_ENTRIES; i++)
    entries[i] = view.getUint32(i * 8, true) + view.getUint32(i * 8 + 4, true) * HIGH;
  return entries;
}

export function uniformPage(address: Address): MapEntries {
  return new Float64Array(PAGE_ENTRIES).fill(address);
}
