import { link, open, rename, rm, unlink } from 'node:fs/promises';
import path from 'node:path';

import { SystemError } from '../base/errors.ts';

/**
 * Writes a small owner-only file so that it is complete and durable, or not there, whenever power fails.
 * @param options.replace false: an existing file is never overwritten.
 * @throws {SystemError} kind `conflict`, code `FILE_EXISTS`.
 */
export async function writeDurably(
  file: string,
  content: Uint8Array,
  options: { readonly replace: boolean },
): Promise<void> {
  const temporary = temporaryOf(file);
  try {
    // What an earlier crash left under this name was never used.
    await rm(temporary, { force: true });
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      await handle.chmod(0o600);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (options.replace) await rename(temporary, file);
    else await linkOnce(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(path.dirname(file));
}

/** Under which name `writeDurably` writes first; a crash may leave it. */
export const temporaryOf = (file: string): string => `${file}.new`;

/** Overwrites and removes a file, durably. A missing one is fine. The medium may keep copies of its own. */
export async function eraseDurably(file: string): Promise<void> {
  let handle;
  try {
    handle = await open(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    await handle.write(new Uint8Array(size), 0, size, 0);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await unlink(file);
  await syncDirectory(path.dirname(file));
}

export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives `temporary` its final name unless that is taken; rename(2) would replace what is there. */
async function linkOnce(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new SystemError('conflict', 'FILE_EXISTS', `${file} exists already and is left as it is.`);
  }
  await unlink(temporary);
}
