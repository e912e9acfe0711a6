import type { Logger } from '../../base/log.ts';
import { readWhole } from '../files/durable-files.ts';
import type { FileSystem } from '../files/file-system.ts';
import { corrupt } from '../files/io-errors.ts';
import { readChunkFields } from '../format/chunk-format.ts';
import { TABLES_NAME } from '../format/file-names.ts';
import { equalBytes, toHex } from '../format/fixed-bytes.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { epochName } from '../format/segment-entries.ts';
import { decodeTable, tableDigest } from '../format/table-format.ts';
import type { ChunkReference, SegmentEntry, SegmentTable } from '../format/table-format.ts';
import { decodeSizedCopies } from '../format/two-copies.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';

/**
 * A checkpoint's table or a snapshot's root with all of its segments.
 * @param path `<disk directory>/tables/<id>` or `<disk directory>/roots/<snapshot id>`.
 * @param expectedDigest what the head pins; a copy with another one counts as damaged.
 * @throws {SystemError} kind `corrupt`: a file is missing, or no copy of one verifies.
 */
export async function readTableFile(
  files: FileSystem,
  path: string,
  keys: DiskKeys,
  log: Logger,
  expectedDigest?: Uint8Array,
): Promise<SegmentTable> {
  const table = await readIndex(files, path, keys, log, expectedDigest);
  const tables = tablesBeside(path);
  const segments = [...table.segments];
  const epochs = new Map<string, EpochRecord>();
  for (const chunk of table.chunks)
    for (const entry of await readChunk(files, tables, chunk, table.diskId, log))
      segments.push(withShared(epochs, entry));
  return { ...table, segments };
}

/**
 * Reads all that `readTableFile` reads, for the damage that this names in the log, and keeps nothing.
 * @param verified names of chunks that need no other look; grows.
 */
export async function checkTableFile(
  files: FileSystem,
  path: string,
  keys: DiskKeys,
  log: Logger,
  verified: Set<string>,
): Promise<void> {
  const table = await readIndex(files, path, keys, log);
  for (const chunk of table.chunks) {
    if (verified.has(toHex(chunk.id))) continue;
    await readChunk(files, tablesBeside(path), chunk, table.diskId, log);
    verified.add(toHex(chunk.id));
  }
}

/** A table's own file, without the segments that its chunks hold. */
export async function readIndex(
  files: FileSystem,
  path: string,
  keys: DiskKeys,
  log: Logger,
  expectedDigest?: Uint8Array,
): Promise<SegmentTable> {
  return readCopies(files, path, log, 'a segment table', (copy) => {
    if (expectedDigest !== undefined && !equalBytes(tableDigest(copy), expectedDigest)) return undefined;
    return decodeTable(copy, keys);
  });
}

/**
 * The segments of one chunk.
 * @param tables the directory of tables.
 * @throws {SystemError} kind `corrupt`: missing, or no copy is the one that the index names.
 */
export async function readChunk(
  files: FileSystem,
  tables: string,
  chunk: ChunkReference,
  diskId: string,
  log: Logger,
): Promise<readonly SegmentEntry[]> {
  const found = await readCopies(files, `${tables}/${toHex(chunk.id)}`, log, 'a chunk of a segment table', (copy) =>
    equalBytes(tableDigest(copy), chunk.digest) ? readChunkFields(copy) : undefined,
  );
  if (found.range !== chunk.range || found.diskId !== diskId)
    throw corrupt('TABLE_CORRUPT', `chunk ${toHex(chunk.id)} is of range ${found.range} of disk ${found.diskId}`);
  return found.segments;
}

async function readCopies<T>(
  files: FileSystem,
  path: string,
  log: Logger,
  what: string,
  decode: (copy: Uint8Array) => T | undefined,
): Promise<T> {
  const both = await readWhole(files, path);
  const decoded = decodeSizedCopies(both, decode);
  for (const [place, copy] of [decoded.first, decoded.second].entries())
    if (copy === undefined) log.error({ file: path, copy: place }, `a copy of ${what} failed verification`);
  const found = decoded.first ?? decoded.second;
  if (found !== undefined && !decoded.exact)
    log.error({ file: path, sizeBytes: both.length }, `${what} has another length than it was written with`);
  if (found === undefined) throw corrupt('TABLE_CORRUPT', `no copy of ${what} in ${path} verifies`);
  return found;
}

/** One record for an epoch, whichever chunk names it: ciphers are kept by record. */
function withShared(epochs: Map<string, EpochRecord>, entry: SegmentEntry): SegmentEntry {
  const name = epochName(entry.epoch);
  const known = epochs.get(name);
  if (known === undefined) epochs.set(name, entry.epoch);
  return known === undefined || known === entry.epoch ? entry : { ...entry, epoch: known };
}

/** The directory of tables of the disk whose table or root is at `path`. */
export function tablesBeside(path: string): string {
  const directory = path.slice(0, path.lastIndexOf('/'));
  return `${directory.slice(0, directory.lastIndexOf('/'))}/${TABLES_NAME}`;
}
