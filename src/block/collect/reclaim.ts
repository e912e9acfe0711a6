import { messageOf } from '../../base/errors.ts';
import { readWhole } from '../files/durable-files.ts';
import type { Environment } from '../files/environment.ts';
import { HEAD_NAME, RETIRED_NAME, SEGMENTS_NAME, TABLES_NAME } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import { HEAD_COPIES, HEAD_SIZE_BYTES, readHeadFields } from '../format/head-format.ts';
import { removeChecksums } from '../segments/checksum-file.ts';
import { isSegmentName } from '../segments/segment-files.ts';
import { addFilesOf, filesOfRoots, noFiles } from '../tables/named-files.ts';
import type { NamedFiles } from '../tables/named-files.ts';

/** The head of an open disk may move on while it is followed. */
const TRIES = 3;

/**
 * Removes, at once and without a key, those of `candidates` that nothing in the directory names any more. Whatever is
 * unknown stays: files that are no candidates, and everything when the head's table or a root cannot be read. Never fails;
 * what stays is found by a later collection or deletion.
 * @param candidates files that something named before it was deleted.
 */
export async function removeUnnamed(env: Environment, directory: string, candidates: NamedFiles): Promise<void> {
  const { files, log } = env;
  try {
    // The head first: a snapshot that is made meanwhile names what the head's table names, or is among the roots.
    const needed = await neededByHead(files, directory);
    const byRoots = needed && (await filesOfRoots(files, directory));
    if (needed === undefined || byRoots === undefined) {
      log.warn({ directory }, 'what the remaining states of a disk need cannot be read; all files stay');
      return;
    }
    const there = new Set(await files.list(`${directory}/${SEGMENTS_NAME}`));
    for (const name of candidates.segments)
      if (isSegmentName(name) && there.has(name) && !needed.segments.has(name) && !byRoots.segments.has(name)) {
        await files.unlink(`${directory}/${SEGMENTS_NAME}/${name}`);
        await removeChecksums(files, directory, name);
      }
    // An open disk removes those that its own table lets go of.
    for (const name of candidates.chunks)
      if (!needed.chunks.has(name) && !byRoots.chunks.has(name))
        await files.unlink(`${directory}/${TABLES_NAME}/${name}`).catch(() => undefined);
  } catch (error) {
    log.warn({ directory, reason: messageOf(error) }, 'segments that nothing names stay for now');
  }
}

/** What a table or root lists; nothing when it cannot be read. */
export async function listedBy(files: Environment['files'], path: string): Promise<NamedFiles> {
  const named = noFiles();
  await addFilesOf(files, path, named).catch(() => false);
  return named;
}

/** What the head's table lists, whether the disk was deleted or not. Undefined when it cannot be read. */
export async function listedByHead(files: Environment['files'], directory: string): Promise<NamedFiles | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const named = noFiles();
    const tables = await tablesOfHead(files, directory);
    let all = tables.size > 0;
    for (const table of tables)
      all &&= await addFilesOf(files, `${directory}/${TABLES_NAME}/${table}`, named).catch(() => false);
    if (all) return named;
  }
  return undefined;
}

/** A deleted disk needs nothing but its snapshots. */
async function neededByHead(files: Environment['files'], directory: string): Promise<NamedFiles | undefined> {
  if ((await files.stat(`${directory}/${RETIRED_NAME}`)) !== undefined) return noFiles();
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
