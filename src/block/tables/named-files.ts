import { isKind } from '../../base/errors.ts';
import { readWhole } from '../files/durable-files.ts';
import type { FileSystem } from '../files/file-system.ts';
import { readChunkFields } from '../format/chunk-format.ts';
import { ROOTS_NAME } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import { readTableFields } from '../format/table-format.ts';
import { decodeSizedCopies } from '../format/two-copies.ts';
import { isUnfinishedRoot } from './snapshot-names.ts';
import { tablesBeside } from './table-file.ts';

/** Names of files that tables need, 32 hex digits each. */
export interface NamedFiles {
  readonly segments: Set<string>;
  readonly chunks: Set<string>;
}

export function noFiles(): NamedFiles {
  return { segments: new Set(), chunks: new Set() };
}

export function addAll(named: NamedFiles, others: NamedFiles): void {
  for (const segment of others.segments) named.segments.add(segment);
  for (const chunk of others.chunks) named.chunks.add(chunk);
}

/**
 * What the snapshots of a disk need: the roots in its directory decide, nobody else's list of snapshots does. Read without
 * keys, since it only keeps files. Undefined when a part of a root cannot be read: then every file may be needed.
 */
export async function filesOfRoots(files: FileSystem, directory: string): Promise<NamedFiles | undefined> {
  const named = noFiles();
  for (const root of await files.list(`${directory}/${ROOTS_NAME}`)) {
    const path = `${directory}/${ROOTS_NAME}/${root}`;
    try {
      if (!(await addFilesOf(files, path, named))) return undefined;
    } catch (error) {
      // One that was deleted meanwhile needs nothing. One that is being made may have got its name.
      if (isUnfinishedRoot(root) || !isKind(error, 'corrupt') || (await files.stat(path)) !== undefined) throw error;
    }
  }
  return named;
}

/**
 * Adds what any copy of a table or root names; false when a part of it cannot be read.
 * @throws {SystemError} kind `corrupt`: there is no such table.
 */
export async function addFilesOf(files: FileSystem, path: string, named: NamedFiles): Promise<boolean> {
  const index = decodeSizedCopies(await readWhole(files, path), readTableFields);
  if (index.first === undefined && index.second === undefined) return false;
  for (const table of [index.first, index.second]) {
    for (const { id } of table?.segments ?? []) named.segments.add(toHex(id));
    for (const { id } of table?.chunks ?? []) {
      const name = toHex(id);
      if (named.chunks.has(name)) continue;
      if (!(await addSegmentsOfChunk(files, `${tablesBeside(path)}/${name}`, named.segments))) return false;
      named.chunks.add(name);
    }
  }
  return true;
}

async function addSegmentsOfChunk(files: FileSystem, path: string, segments: Set<string>): Promise<boolean> {
  try {
    const { first, second } = decodeSizedCopies(await readWhole(files, path), readChunkFields);
    for (const copy of [first, second]) for (const { id } of copy?.segments ?? []) segments.add(toHex(id));
    return first !== undefined || second !== undefined;
  } catch (error) {
    if (isKind(error, 'corrupt')) return false;
    throw error;
  }
}
