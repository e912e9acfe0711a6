import { messageOf } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import type { Logger } from '../../base/log.ts';
import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { readWhole } from '../files/durable-files.ts';
import type { Environment } from '../files/environment.ts';
import { ReaderCache } from '../files/reader-cache.ts';
import { HEAD_NAME, ROOTS_NAME, SEGMENTS_NAME, TABLES_NAME } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import { decodeHead, HEAD_SIZE_BYTES } from '../format/head-format.ts';
import type { Head } from '../format/head-format.ts';
import { decodeSegmentHeader, headerDigest } from '../format/segment-format.ts';
import type { SegmentHeader } from '../format/segment-format.ts';
import { openSlot, SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SlotMeta } from '../format/slot-format.ts';
import type { SegmentEntry, SegmentTable } from '../format/table-format.ts';
import { decodeCopies } from '../format/two-copies.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { readHeaderRegion } from '../segments/header-region.ts';
import { SegmentFile } from '../segments/segment-file.ts';
import { isSegmentName } from '../segments/segment-files.ts';
import { isUnfinishedRoot } from '../tables/snapshot-names.ts';
import { readTableFile } from '../tables/table-file.ts';

const CHUNK_SLOTS = 128;

/** A segment file whose slots can be opened, whatever else of the disk is lost. */
export interface FoundSegment {
  /** With as many slots as the file has. */
  readonly entry: SegmentEntry;
  /** Undefined when no copy of it verifies: damaged, or of the disk that this one was cloned from. */
  readonly header: SegmentHeader | undefined;
  readonly isDense: boolean;
  readonly file: SegmentFile;
}

/** What the files of a disk say, each for itself. */
export interface Survey {
  /** The newest authentic copy of the head. */
  readonly head: Head | undefined;
  /** Authentic tables of checkpoints, newest first, with the digest-less trust that a rebuild needs. */
  readonly tables: readonly SegmentTable[];
  /** Snapshots whose roots can be used. */
  readonly roots: ReadonlyMap<string, SegmentTable>;
  /** In order of their numbers. */
  readonly segments: readonly FoundSegment[];
  /** What is there and cannot be used, in plain words. */
  readonly unusable: readonly string[];
  /** True when segment files are among it. */
  readonly lacksSegments: boolean;
}

/** Reads every record of a disk's directory that verifies under its keys; writes nothing. */
export async function surveyDisk(env: Environment, directory: string, keys: DiskKeys): Promise<Survey> {
  const unusable: string[] = [];
  const head = await findHead(env, directory, keys, unusable);
  const roots = new Map<string, SegmentTable>();
  for (const name of await list(env, `${directory}/${ROOTS_NAME}`)) {
    if (isUnfinishedRoot(name)) continue;
    const table = await tableAt(env, `${directory}/${ROOTS_NAME}/${name}`, keys, silentLogger, unusable);
    if (table?.snapshotId === name) roots.set(name, table);
  }
  const tables: SegmentTable[] = [];
  for (const name of await list(env, `${directory}/${TABLES_NAME}`)) {
    const table = await tableAt(env, `${directory}/${TABLES_NAME}/${name}`, keys, silentLogger);
    if (table !== undefined && table.snapshotId === '') tables.push(table);
  }
  tables.sort((a, b) => b.sequence - a.sequence);
  const known = new Map<string, SegmentEntry>();
  for (const table of [...tables, ...roots.values()])
    for (const entry of table.segments) if (!known.has(toHex(entry.id))) known.set(toHex(entry.id), entry);
  const segments: FoundSegment[] = [];
  const cache = new ReaderCache(8);
  for (const name of (await list(env, `${directory}/${SEGMENTS_NAME}`)).filter(isSegmentName)) {
    const segment = await segmentAt(env, directory, name, keys, known.get(name), cache, unusable);
    if (segment !== undefined) segments.push(segment);
  }
  segments.sort((a, b) => a.entry.number - b.entry.number);
  const lacksSegments = unusable.some((sentence) => sentence.startsWith(`${SEGMENTS_NAME}/`));
  return { head, tables, roots, segments, unusable, lacksSegments };
}

/**
 * Calls `visit` for the slots of a segment that its file has, from `from` on and before `end`, with undefined for one that
 * does not open; until it answers false.
 */
export async function scanSegment(
  keys: DiskKeys,
  { entry, file }: FoundSegment,
  range: { readonly from: number; readonly end: number },
  visit: (slot: number, meta: SlotMeta | undefined, body: Uint8Array) => boolean,
): Promise<void> {
  const { dense } = await file.contents();
  const buffer = new Uint8Array(CHUNK_SLOTS * SLOT_SIZE_BYTES);
  const body = new Uint8Array(BLOCK_SIZE_BYTES);
  for (let first = range.from; first < range.end; first += CHUNK_SLOTS) {
    const count = Math.min(CHUNK_SLOTS, range.end - first);
    const bytes = buffer.subarray(0, count * SLOT_SIZE_BYTES);
    await file.read(first, bytes);
    const aead = keys.aead(entry.epoch);
    for (let i = 0; i < count; i++) {
      if (dense !== undefined && !dense.slots.has(first + i)) continue;
      const sealed = bytes.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES);
      if (!visit(first + i, openSlot(aead, entry.number, first + i, sealed, body), body)) return;
    }
  }
}

async function findHead(
  env: Environment,
  directory: string,
  keys: DiskKeys,
  unusable: string[],
): Promise<Head | undefined> {
  try {
    const both = await readWhole(env.files, `${directory}/${HEAD_NAME}`);
    const heads = [0, HEAD_SIZE_BYTES].map((at) => decodeHead(both.subarray(at, at + HEAD_SIZE_BYTES), keys));
    const [head] = heads.filter((copy) => copy !== undefined).sort((a, b) => b.sequence - a.sequence);
    if (head === undefined) unusable.push('head: no copy verifies');
    else keys.openOlder(head.olderKeys);
    return head;
  } catch (error) {
    unusable.push(`head: ${messageOf(error)}`);
    return undefined;
  }
}

async function tableAt(
  env: Environment,
  path: string,
  keys: DiskKeys,
  log: Logger,
  unusable?: string[],
): Promise<SegmentTable | undefined> {
  try {
    return await readTableFile(env.files, path, keys, log);
  } catch (error) {
    unusable?.push(`${path.slice(path.lastIndexOf('/') + 1)}: ${messageOf(error)}`);
    return undefined;
  }
}

async function segmentAt(
  env: Environment,
  directory: string,
  name: string,
  keys: DiskKeys,
  known: SegmentEntry | undefined,
  cache: ReaderCache,
  unusable: string[],
): Promise<FoundSegment | undefined> {
  const path = `${directory}/${SEGMENTS_NAME}/${name}`;
  try {
    const region = await readHeaderRegion(env.files, path);
    const copies = decodeCopies(region, (copy) => {
      const header = decodeSegmentHeader(copy, keys);
      return header && toHex(header.id) === name ? { header, digest: headerDigest(copy) } : undefined;
    });
    const found = copies.first ?? copies.second;
    const file = new SegmentFile(path, known?.number ?? found?.header.number ?? 0, {
      files: env.files,
      cache,
      log: env.log,
    });
    const { dense } = await file.contents();
    const capacity = dense === undefined ? (await file.contents()).stored : dense.slots.words.length * 32;
    if (capacity === 0) {
      await file.forget();
      return undefined;
    }
    const entry =
      found === undefined
        ? known
        : {
            number: found.header.number,
            id: found.header.id,
            headerDigest: found.digest,
            epoch: known?.epoch ?? found.header.epoch,
            slots: capacity,
          };
    if (entry === undefined) {
      await file.forget();
      unusable.push(`seg/${name}: no copy of its header verifies, and no table names it`);
      return undefined;
    }
    return { entry: { ...entry, slots: capacity }, header: found?.header, isDense: dense !== undefined, file };
  } catch (error) {
    unusable.push(`seg/${name}: ${messageOf(error)}`);
    return undefined;
  }
}

async function list(env: Environment, path: string): Promise<string[]> {
  return (await env.files.stat(path)) === undefined ? [] : env.files.list(path);
}
