import type { Logger } from '../base/log.ts';
import type { DiskKeys } from './disk-keys.ts';
import { equalBytes } from './fixed-bytes.ts';
import type { FileSystem } from './file-system.ts';
import { osCode } from './file-system.ts';
import { corrupt, ioError } from './io-errors.ts';
import { decodeTable, encodeTable, tableDigest } from './table-format.ts';
import type { SegmentTable } from './table-format.ts';
import { concatCopies, decodeSizedCopies } from './two-copies.ts';

/** Makes a table's file, durable under its name. Answers the digest that the head pins. */
export async function createTableFile(
  files: FileSystem,
  directory: string,
  name: string,
  table: SegmentTable,
  keys: DiskKeys,
): Promise<Uint8Array> {
  const copy = encodeTable(table, keys);
  try {
    await createDurably(files, `${directory}/${name}`, concatCopies(copy));
    await files.syncDirectory(directory);
  } catch (error) {
    throw ioError('writing a segment table', error);
  }
  return tableDigest(copy);
}

/** Makes or replaces a file in one step: after a crash it has all of the new bytes or none. */
export async function replaceDurably(files: FileSystem, directory: string, name: string, bytes: Uint8Array) {
  const temporary = `${directory}/${name}.new`;
  await files.unlink(temporary).catch(() => undefined);
  await createDurably(files, temporary, bytes);
  await files.rename(temporary, `${directory}/${name}`);
  await files.syncDirectory(directory);
}

/**
 * @param expectedDigest what the head pins; a copy with another one counts as damaged.
 * @throws {SystemError} kind `corrupt`: no such file, or no copy verifies.
 */
export async function readTableFile(
  files: FileSystem,
  path: string,
  keys: DiskKeys,
  log: Logger,
  expectedDigest?: Uint8Array,
): Promise<SegmentTable> {
  const both = await readWhole(files, path);
  const decoded = decodeSizedCopies(both, (copy) => {
    if (expectedDigest !== undefined && !equalBytes(tableDigest(copy), expectedDigest)) return undefined;
    return decodeTable(copy, keys);
  });
  for (const [place, copy] of [decoded.first, decoded.second].entries())
    if (copy === undefined) log.error({ file: path, copy: place }, 'a copy of a segment table failed verification');
  const found = decoded.first ?? decoded.second;
  if (found !== undefined && !decoded.exact)
    log.error({ file: path, sizeBytes: both.length }, 'a segment table has another length than it was written with');
  if (found === undefined) throw corrupt('TABLE_CORRUPT', `no copy of the segment table in ${path} verifies`);
  return found;
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

async function createDurably(files: FileSystem, path: string, bytes: Uint8Array): Promise<void> {
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
