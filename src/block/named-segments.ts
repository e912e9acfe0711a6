import { isKind } from '../base/errors.ts';
import { ROOTS_NAME } from './disk-state.ts';
import type { FileSystem } from './file-system.ts';
import { toHex } from './fixed-bytes.ts';
import { readWhole } from './table-file.ts';
import { readTableFields } from './table-format.ts';
import { decodeSizedCopies } from './two-copies.ts';

/**
 * Names of the segment files that the snapshots of a disk list: the roots in its directory decide, nobody else's list of
 * snapshots does. Read without the MAC, since it only keeps files. Undefined when a root cannot be read: then every file
 * may be needed.
 */
export async function segmentsOfRoots(files: FileSystem, directory: string): Promise<Set<string> | undefined> {
  const names = new Set<string>();
  for (const root of await files.list(`${directory}/${ROOTS_NAME}`)) {
    const path = `${directory}/${ROOTS_NAME}/${root}`;
    try {
      if (!(await addSegmentsOf(files, path, names))) return undefined;
    } catch (error) {
      // One that was deleted meanwhile needs nothing. One that is being made may have got its name.
      if (root.endsWith('.new') || !isKind(error, 'corrupt') || (await files.stat(path)) !== undefined) throw error;
    }
  }
  return names;
}

/** Adds what any copy of a table or root lists; false when no copy can be read. */
export async function addSegmentsOf(files: FileSystem, path: string, names: Set<string>): Promise<boolean> {
  const copies = decodeSizedCopies(await readWhole(files, path), readTableFields);
  if (copies.first === undefined && copies.second === undefined) return false;
  for (const table of [copies.first, copies.second]) for (const { id } of table?.segments ?? []) names.add(toHex(id));
  return true;
}
