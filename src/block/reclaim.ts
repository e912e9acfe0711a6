import { messageOf } from '../base/errors.ts';
import { HEAD_NAME, RETIRED_NAME, SEGMENTS_NAME, TABLES_NAME } from './disk-state.ts';
import type { Environment } from './environment.ts';
import { toHex } from './fixed-bytes.ts';
import { HEAD_COPIES, HEAD_SIZE_BYTES, readHeadFields } from './head-format.ts';
import { addSegmentsOf, segmentsOfRoots } from './named-segments.ts';
import { isSegmentName } from './segment-files.ts';
import { readWhole } from './table-file.ts';

/** The head of an open disk may move on while it is followed. */
const TRIES = 3;

/**
 * Removes, at once and without a key, those of `candidates` that nothing in the directory names any more. Whatever is
 * unknown stays: files that are no candidates, and everything when the head's table or a root cannot be read. Never fails;
 * what stays is found by a later collection or deletion.
 * @param candidates names of segment files that something named before it was deleted.
 */
export async function removeUnnamed(env: Environment, directory: string, candidates: Iterable<string>): Promise<void> {
  const { files, log } = env;
  try {
    // The head first: a snapshot that is made meanwhile names what the head's table names, or is among the roots.
    const needed = await neededByHead(files, directory);
    const byRoots = needed && (await segmentsOfRoots(files, directory));
    if (needed === undefined || byRoots === undefined) {
      log.warn({ directory }, 'what the remaining states of a disk need cannot be read; all segments stay');
      return;
    }
    const there = new Set(await files.list(`${directory}/${SEGMENTS_NAME}`));
    for (const name of candidates)
      if (isSegmentName(name) && there.has(name) && !needed.has(name) && !byRoots.has(name))
        await files.unlink(`${directory}/${SEGMENTS_NAME}/${name}`);
  } catch (error) {
    log.warn({ directory, reason: messageOf(error) }, 'segments that nothing names stay for now');
  }
}

/** What a table or root lists; nothing when it cannot be read. */
export async function listedBy(files: Environment['files'], path: string): Promise<Set<string>> {
  const names = new Set<string>();
  await addSegmentsOf(files, path, names).catch(() => false);
  return names;
}

/** The segments that the head's table lists, whether the disk was deleted or not. Undefined when it cannot be read. */
export async function listedByHead(files: Environment['files'], directory: string): Promise<Set<string> | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const names = new Set<string>();
    const tables = await tablesOfHead(files, directory);
    let all = tables.size > 0;
    for (const table of tables)
      all &&= await addSegmentsOf(files, `${directory}/${TABLES_NAME}/${table}`, names).catch(() => false);
    if (all) return names;
  }
  return undefined;
}

/** A deleted disk needs nothing but its snapshots. */
async function neededByHead(files: Environment['files'], directory: string): Promise<Set<string> | undefined> {
  if ((await files.stat(`${directory}/${RETIRED_NAME}`)) !== undefined) return new Set();
  return listedByHead(files, directory);
}

/** Both copies count: which one is right cannot be told without a key. */
async function tablesOfHead(files: Environment['files'], directory: string): Promise<Set<string>> {
  const both = await readWhole(files, `${directory}/${HEAD_NAME}`);
  const tables = new Set<string>();
  for (let copy = 0; copy < HEAD_COPIES; copy++) {
    const head = readHeadFields(both.subarray(copy * HEAD_SIZE_BYTES, (copy + 1) * HEAD_SIZE_BYTES));
    if (head !== undefined) tables.add(toHex(head.tableId));
  }
  return tables;
}
