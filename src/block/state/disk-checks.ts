import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { readWhole } from '../files/durable-files.ts';
import {
  DENSE_SUFFIX,
  HEAD_NAME,
  markedDead,
  RESCUE_SUFFIX,
  ROOTS_NAME,
  SEALING_SUFFIX,
  SEGMENTS_NAME,
  SPARE_SUFFIX,
  TABLES_NAME,
} from '../format/file-names.ts';
import { equalBytes, toHex } from '../format/fixed-bytes.ts';
import { decodeHead, HEAD_COPIES, HEAD_SIZE_BYTES } from '../format/head-format.ts';
import { decodeSegmentHeader, headerDigest, SEGMENT_HEADER_REGION_BYTES } from '../format/segment-format.ts';
import { decodeCopies } from '../format/two-copies.ts';
import { readHeaderRegion } from '../segments/header-region.ts';
import { isSegmentName } from '../segments/segment-files.ts';
import { filesOfRoots } from '../tables/named-files.ts';
import type { NamedFiles } from '../tables/named-files.ts';
import { isUnfinishedRoot, snapshotNames } from '../tables/snapshot-names.ts';
import { checkTableFile, readTableFile } from '../tables/table-file.ts';
import type { DiskState } from './disk-state.ts';

const OWN_SUFFIXES = [RESCUE_SUFFIX, DENSE_SUFFIX, SEALING_SUFFIX, SPARE_SUFFIX];
/** Up to this many segments the check of their headers is part of the open; beyond, it would be felt (20 us each). */
export const CHECKED_AT_OPEN_MAX = 2_000;

/**
 * Reads what no read of a block would read: both copies of every segment header and of every snapshot's root. Damage
 * there costs nothing yet, so it is named in the log and the disk opens.
 */
export async function checkMetadata(state: DiskState): Promise<void> {
  const { env, store, keys } = state;
  for (const entry of store.entries()) {
    const path = store.pathOf(entry.id);
    try {
      const region = await readHeaderRegion(env.files, path);
      const half = SEGMENT_HEADER_REGION_BYTES / 2;
      for (const copy of [0, 1]) {
        const digest = headerDigest(region.subarray(copy * half, (copy + 1) * half));
        if (!equalBytes(digest, entry.headerDigest))
          env.log.error({ file: path, segment: entry.number, copy }, 'a copy of a segment header failed verification');
      }
    } catch (error) {
      env.log.error({ file: path, segment: entry.number, reason: messageOf(error) }, 'a segment could not be read');
    }
  }
  const verified = new Set<string>();
  for (const name of await snapshotNames(env.files, state.path(ROOTS_NAME))) {
    const path = `${state.path(ROOTS_NAME)}/${name}`;
    await checkTableFile(env.files, path, keys, env.log, verified).catch((error: unknown) =>
      env.log.error({ file: path, reason: messageOf(error) }, 'a snapshot cannot be used'),
    );
  }
}

/** Reads the head and the table that it names again, all copies. The caller keeps both from being written meanwhile. */
export async function checkHeadAndTable(state: DiskState, log: Logger): Promise<void> {
  const { env, keys, head } = state;
  const path = state.path(HEAD_NAME);
  try {
    const both = await readWhole(env.files, path);
    for (let copy = 0; copy < HEAD_COPIES; copy++) {
      const bytes = both.subarray(copy * HEAD_SIZE_BYTES, (copy + 1) * HEAD_SIZE_BYTES);
      if (decodeHead(bytes, keys) === undefined) log.error({ file: path, copy }, 'a copy of the head does not verify');
    }
  } catch (error) {
    log.error({ file: path, reason: messageOf(error) }, 'the head cannot be read');
  }
  const table = `${state.path(TABLES_NAME)}/${toHex(head.tableId)}`;
  await readTableFile(env.files, table, keys, log, head.tableDigest).catch((error: unknown) =>
    log.error({ file: table, reason: messageOf(error) }, 'the segment table cannot be used'),
  );
}

/**
 * Removes what an interrupted write left behind: tables and chunks that neither the head nor a root names, and segments of
 * the head's own session that are in no table. Anything else that is not ours to judge stays and is named: it may be newer
 * than the head, if somebody restored an old one.
 */
export async function removeLeftovers(state: DiskState): Promise<void> {
  const { env, store } = state;
  const remove = async (path: string): Promise<void> => {
    await env.files
      .unlink(path)
      .catch((error: unknown) => env.log.warn({ file: path, reason: messageOf(error) }, 'a leftover stays'));
  };
  for (const name of await env.files.list(state.path(ROOTS_NAME)))
    if (isUnfinishedRoot(name)) await remove(`${state.path(ROOTS_NAME)}/${name}`);

  const known = new Set(store.entries().map(({ id }) => toHex(id)));
  const unknown = (await env.files.list(state.path(SEGMENTS_NAME))).filter((name) => !known.has(name));
  const inRoots = await removeUnnamedTables(state);
  if (unknown.length === 0) return;
  const marks = unknown.filter((name) => markedDead(name) !== undefined);
  const dead = new Set(marks.map((name) => markedDead(name) ?? ''));
  for (const name of unknown) {
    if (inRoots?.segments.has(name) === true || marks.includes(name)) continue;
    if (inRoots !== undefined && dead.has(name)) {
      await remove(`${store.directory}/${name}`);
      continue;
    }
    const path = `${store.directory}/${name}`;
    if (isOwnName(name) || (inRoots !== undefined && isSegmentName(name) && (await isOurLeftover(state, path))))
      await remove(path);
    else env.log.warn({ file: path }, 'a segment file belongs to no state of this disk; it was kept');
  }
  if (marks.length === 0 || inRoots === undefined) return;
  // The first name goes before the mark, or its file would stay for ever.
  await env.files.syncDirectory(store.directory).catch(() => undefined);
  for (const name of marks) await remove(`${store.directory}/${name}`);
}

/**
 * Removes the files of tables and chunks that neither the head nor a root names, while no other is being written. Answers
 * what the roots name; undefined, with nothing removed, when one cannot be read.
 */
export async function removeUnnamedTables(state: DiskState): Promise<NamedFiles | undefined> {
  const { env, store, head } = state;
  const inRoots = await filesOfRoots(env.files, state.directory);
  if (inRoots === undefined) return undefined;
  const ours = new Set([toHex(head.tableId), ...[...store.ranges.chunks].map(({ id }) => toHex(id))]);
  for (const name of await env.files.list(state.path(TABLES_NAME))) {
    if (ours.has(name) || inRoots.chunks.has(name)) continue;
    const file = `${state.path(TABLES_NAME)}/${name}`;
    await env.files
      .unlink(file)
      .catch((error: unknown) => env.log.warn({ file, reason: messageOf(error) }, 'a leftover stays'));
  }
  return inRoots;
}

/**
 * Removes segment files that no state names and that an earlier data key made, so that it opens nothing of the disk: soon
 * nobody can tell any more that they are not the log's.
 */
export async function removeSegmentsOfOlderKeys(state: DiskState): Promise<void> {
  const { env, store, keys } = state;
  const inRoots = await filesOfRoots(env.files, state.directory);
  const known = new Set(store.entries().map(({ id }) => toHex(id)));
  for (const name of await env.files.list(store.directory)) {
    if (!isSegmentName(name) || known.has(name) || inRoots?.segments.has(name) !== false) continue;
    const path = `${store.directory}/${name}`;
    const region = await readHeaderRegion(env.files, path);
    const copies = decodeCopies(region, (copy) =>
      keys.isAuthentic('segment-header', copy) && !keys.isCurrentMac('segment-header', copy) ? true : undefined,
    );
    if (copies.first === undefined && copies.second === undefined) continue;
    env.log.warn({ file: path }, 'a segment file of an earlier data key belonged to no state; it was removed');
    await env.files.unlink(path);
  }
}

/** What a failed rescue, an unfinished rewrite, or a file kept to be used again left. */
function isOwnName(name: string): boolean {
  return OWN_SUFFIXES.some((suffix) => name.endsWith(suffix) && isSegmentName(name.slice(0, -suffix.length)));
}

/** True for a segment of the last session, and for a file without a byte that says anything. */
async function isOurLeftover(state: DiskState, path: string): Promise<boolean> {
  const region = await readHeaderRegion(state.env.files, path);
  if (region.every((byte) => byte === 0))
    return ((await state.env.files.stat(path))?.sizeBytes ?? 0) <= SEGMENT_HEADER_REGION_BYTES;
  const copies = decodeCopies(region, (copy) => decodeSegmentHeader(copy, state.keys));
  const header = copies.first ?? copies.second;
  return header !== undefined && equalBytes(header.session, state.head.session);
}
