import { osCode } from './file-system.ts';
import type { FileSystem } from './file-system.ts';
import { corrupt, ioError } from './io-errors.ts';

/** Makes a file with these bytes, synced; its name is durable after a sync of the directory. */
export async function createDurably(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
  const file = await files.create(path);
  try {
    await file.write(bytes, 0);
    await file.sync();
  } catch (error) {
    await files.unlink(path).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** Makes or replaces a file in one step: after a crash it has all of the new bytes or none. */
export async function replaceDurably(files: FileSystem, directory: string, name: string, bytes: Uint8Array) {
  const temporary = `${directory}/${name}.new`;
  await files.unlink(temporary).catch(() => undefined);
  await createDurably(files, temporary, bytes);
  await files.rename(temporary, `${directory}/${name}`);
  await files.syncDirectory(directory);
}

/** @throws {SystemError} kind `corrupt`: no such file. */
export async function readWhole(files: FileSystem, path: string): Promise<Uint8Array> {
  try {
    const file = await files.open(path, 'read');
    try {
      const bytes = new Uint8Array(await file.sizeBytes());
      const filled = await file.read(bytes, 0);
      return bytes.subarray(0, filled);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (osCode(error) === 'ENOENT') throw corrupt('FILE_MISSING', `${path} is missing`);
    throw ioError(`reading ${path}`, error);
  }
}
