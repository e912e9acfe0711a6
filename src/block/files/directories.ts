import { assert } from '../../base/assert.ts';
import type { FileSystem } from './file-system.ts';

export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const at = path.lastIndexOf('/');
  assert(at > 0 && at < path.length - 1, 'a disk directory has a parent and a name');
  return { parent: path.slice(0, at), name: path.slice(at + 1) };
}

/** Removes a directory and everything in it; one that is not there is no error. */
export async function removeTree(files: FileSystem, directory: string): Promise<void> {
  if ((await files.stat(directory)) === undefined) return;
  for (const name of await files.list(directory)) {
    const path = `${directory}/${name}`;
    const status = await files.stat(path);
    if (status?.kind === 'directory') await removeTree(files, path);
    else if (status !== undefined) await files.unlink(path);
  }
  await files.removeDirectory(directory);
}
