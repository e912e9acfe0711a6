import { osCode } from '../files/file-system.ts';
import type { FileSystem } from '../files/file-system.ts';
import { decodeChecksums, encodeChecksums } from '../format/checksum-format.ts';
import type { Checksums } from '../format/checksum-format.ts';
import { CHECKSUMS_NAME } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';

/** Undefined when nobody took them, or their file is damaged: then there are none, and no harm is done. */
export async function readChecksums(
  files: FileSystem,
  directory: string,
  segmentId: Uint8Array,
): Promise<Checksums | undefined> {
  const path = `${directory}/${CHECKSUMS_NAME}/${toHex(segmentId)}`;
  try {
    const file = await files.open(path, 'read');
    try {
      const bytes = new Uint8Array(await file.sizeBytes());
      return decodeChecksums(bytes.subarray(0, await file.read(bytes, 0)), segmentId);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/** Never synced: after power loss the file is whole, old or missing, or does not verify, which is the same as missing. */
export async function writeChecksums(files: FileSystem, directory: string, checksums: Checksums): Promise<void> {
  const folder = `${directory}/${CHECKSUMS_NAME}`;
  await files.makeDirectory(folder).catch((error: unknown) => {
    if (osCode(error) !== 'EEXIST') throw error;
  });
  const path = `${folder}/${toHex(checksums.segmentId)}`;
  const temporary = `${path}.new`;
  await files.unlink(temporary).catch(() => undefined);
  const file = await files.create(temporary);
  try {
    await file.write(encodeChecksums(checksums), 0);
  } catch (error) {
    await files.unlink(temporary).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  await files.rename(temporary, path);
}

/** For a segment that is no more. What stays does no harm; a scrub removes it. */
export async function removeChecksums(files: FileSystem, directory: string, segment: string): Promise<void> {
  await files.unlink(`${directory}/${CHECKSUMS_NAME}/${segment}`).catch(() => undefined);
}

/** Names of the segments that have checksums. */
export async function listChecksums(files: FileSystem, directory: string): Promise<string[]> {
  return files.list(`${directory}/${CHECKSUMS_NAME}`).catch((error: unknown) => {
    if (osCode(error) === 'ENOENT') return [];
    throw error;
  });
}

/** Removes those of segments that are gone, and what an interrupted write left. */
export async function removeStaleChecksums(
  files: FileSystem,
  directory: string,
  living: ReadonlySet<string>,
): Promise<void> {
  for (const name of await listChecksums(files, directory))
    if (!living.has(name)) await files.unlink(`${directory}/${CHECKSUMS_NAME}/${name}`).catch(() => undefined);
}
