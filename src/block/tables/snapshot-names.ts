import type { FileSystem } from '../files/file-system.ts';

const UNFINISHED_SUFFIX = '.new';

/** Of a root that was begun and never renamed: no snapshot yet, or one whose root is there beside it. */
export function isUnfinishedRoot(name: string): boolean {
  return name.endsWith(UNFINISHED_SUFFIX);
}

/** The snapshots whose roots are in a directory, in no order. */
export async function snapshotNames(files: FileSystem, roots: string): Promise<string[]> {
  return (await files.list(roots)).filter((name) => !isUnfinishedRoot(name));
}
