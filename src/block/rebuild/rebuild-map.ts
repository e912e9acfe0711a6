import { splitPath } from '../files/directories.ts';
import type { Environment } from '../files/environment.ts';
import { ReaderCache } from '../files/reader-cache.ts';
import { HOLE, isMarker, segmentOf, slotOf } from '../format/address.ts';
import type { Address, LogPosition } from '../format/address.ts';
import { decodeMapPage, blocksBelow, ROOT_LEVEL } from '../format/map-page.ts';
import { SLOT_MAP } from '../format/slot-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { MapPages } from '../map/map-pages.ts';
import { walkMap } from '../map/map-walk.ts';
import { SegmentStore } from '../segments/segment-store.ts';
import { scanSegment } from './survey.ts';
import type { FoundSegment, Survey } from './survey.ts';

const MAP_PAGES = 4_096;
/** Maps of unfinished checkpoints and of damaged ones: rarely more than one is passed over. */
const CANDIDATES_MAX = 16;

/** The map that a rebuilt disk begins with. */
export interface FoundMap {
  readonly root: Address;
  /** Blocks whose pages are lost. */
  readonly lost: readonly { readonly first: number; readonly end: number }[];
  /** The log from here on is newer, or as new. */
  readonly logStart: LogPosition;
}

/**
 * The newest map that can be used: the table's, if a table of the disk verifies; else the newest root page. A checkpoint
 * that was never finished leaves a map too, which may name blocks that power loss took: of those that name a block that
 * was never durable an older one is taken.
 */
export async function findMap(env: Environment, keys: DiskKeys, survey: Survey): Promise<FoundMap> {
  const { segments, tables } = survey;
  const path = segments[0] === undefined ? '/' : splitPath(segments[0].file.path).parent;
  const store = new SegmentStore(path, { files: env.files, cache: new ReaderCache(16), log: env.log });
  for (const { entry } of segments) store.put(entry);
  const pages = new MapPages({ store, keys, log: env.log, pagesMax: MAP_PAGES });
  try {
    const [table] = tables;
    if (table !== undefined) {
      const logs = segments.filter(({ header }) => header?.kind === 'log').map(({ entry }) => entry.number);
      const last = table.segments
        .filter(({ number }) => logs.includes(number))
        .reduce((newest, entry) => (entry.number > newest.number ? entry : newest), { number: 0, slots: 0 });
      return {
        root: table.root,
        lost: (await lookAt(pages, keys, segments, table.root)).lost,
        logStart: { segment: last.number, slot: last.slots },
      };
    }
    let best: FoundMap | undefined;
    for (const root of await newestRoots(keys, segments)) {
      const { lost, isTorn } = await lookAt(pages, keys, segments, root);
      if (isTorn) continue;
      const found = { root, lost, logStart: startAfter(segments, segmentOf(root)) };
      if (lost.length === 0) return found;
      best ??= found;
    }
    const everything = { first: 0, end: blocksBelow(ROOT_LEVEL) };
    return best ?? { root: HOLE, lost: [everything], logStart: { segment: 0, slot: 0 } };
  } finally {
    store.close();
  }
}

/** Addresses of root pages, the newest first. */
async function newestRoots(keys: DiskKeys, segments: readonly FoundSegment[]): Promise<Address[]> {
  const roots: Address[] = [];
  for (const segment of segments.toReversed()) {
    if (segment.header?.kind === 'log') continue;
    const found: Address[] = [];
    await scanSegment(keys, segment, { from: 0, end: segment.entry.slots }, (slot, meta, body) => {
      if (meta?.type === SLOT_MAP && meta.level === ROOT_LEVEL && meta.index === 0 && decodeMapPage(body).length > 0)
        found.push(segment.entry.number * 2 ** 20 + slot);
      return true;
    });
    // Two copies lie side by side: the second one alone is as good as none, since pages are read at the first.
    roots.push(...found.filter((address) => !found.includes(address - 1)).toReversed());
    if (roots.length >= CANDIDATES_MAX) break;
  }
  return roots;
}

/** Which pages of a map are lost, and whether it names slots of its own session that are not there. */
async function lookAt(
  pages: MapPages,
  keys: DiskKeys,
  segments: readonly FoundSegment[],
  root: Address,
): Promise<{ readonly lost: { first: number; end: number }[]; readonly isTorn: boolean }> {
  const lost: { first: number; end: number }[] = [];
  const byNumber = new Map(segments.map((segment) => [segment.entry.number, segment]));
  const session = byNumber.get(segmentOf(root))?.header?.session;
  const isOwn = (number: number): boolean =>
    session !== undefined && Buffer.compare(byNumber.get(number)?.header?.session ?? new Uint8Array(0), session) === 0;
  const last = new Map<number, number>();
  await walkMap(
    pages,
    root,
    {
      page: () => true,
      lost: (_address, level, index) => {
        lost.push({ first: index * blocksBelow(level), end: (index + 1) * blocksBelow(level) });
      },
      leaf: (entries) => {
        for (const address of entries) {
          if (isMarker(address) || !isOwn(segmentOf(address))) continue;
          last.set(segmentOf(address), Math.max(last.get(segmentOf(address)) ?? 0, slotOf(address)));
        }
      },
    },
    () => undefined,
  );
  // Power loss takes the end of a log: the furthest slot that the map names is there, or the map came to nothing.
  let isTorn = false;
  const newest = Math.max(0, ...last.keys());
  const segment = byNumber.get(newest);
  const slot = last.get(newest) ?? 0;
  if (segment !== undefined)
    await scanSegment(keys, segment, { from: slot, end: slot + 1 }, (_slot, meta) => {
      isTorn = meta === undefined;
      return false;
    });
  return { lost, isTorn };
}

/**
 * Where replay begins for a map without its table: the log segment that was current when the checkpoint began has a lower
 * number than the map's own segments; so has at most one that was prepared for later. What is replayed once more ends as
 * it was, since everything after it is replayed too. A dense segment lies before a later checkpoint and is left out.
 */
function startAfter(segments: readonly FoundSegment[], mapSegment: number): LogPosition {
  const before = segments.filter(({ entry, header }) => header?.kind === 'log' && entry.number < mapSegment).slice(-2);
  const first = before.find(({ isDense }) => !isDense);
  return { segment: first?.entry.number ?? mapSegment, slot: 0 };
}
