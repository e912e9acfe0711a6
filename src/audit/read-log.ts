// Reading a log without its key, as tools do: what is read is believed only after `sealdisk audit verify`.
import { findChainFiles, linesOf } from './chain-files.ts';
import type { ChainFile } from './chain-files.ts';
import { decodeLine, fieldsOf } from './chain.ts';
import type { LogFiles } from './log-files.ts';

export interface ReadRecord {
  /** As it stands in the file, without its line break. */
  readonly line: string;
  readonly seq: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Where somebody who reads along has got to. */
export interface Bookmark {
  readonly file: number;
  readonly offset: number;
}

export interface FollowedRecord extends ReadRecord {
  readonly next: Bookmark;
}

/** The records of a log, oldest first, from a bookmark on. What is no record is passed over. */
export async function* readLog(
  files: LogFiles,
  directory: string,
  from: Bookmark = { file: 0, offset: 0 },
): AsyncGenerator<FollowedRecord> {
  for (const file of findChainFiles(files, directory, undefined).files) {
    if (file.number < from.file) continue;
    yield* readFile(files, file, file.number === from.file ? from.offset : 0);
  }
}

async function* readFile(files: LogFiles, file: ChainFile, from: number): AsyncGenerator<FollowedRecord> {
  for await (const { bytes, offset, isComplete } of linesOf(files, file.path, file.endOffset, from)) {
    const decoded = isComplete ? decodeLine(bytes, undefined) : undefined;
    if (decoded === undefined) continue;
    try {
      const next = { file: file.number, offset: offset + bytes.length + 1 };
      yield { line: Buffer.from(bytes).toString('utf8'), seq: decoded.seq, fields: fieldsOf(decoded.content), next };
    } catch {
      // It has the form of a line and is no JSON.
    }
  }
}

/** The last `count` records, oldest first. */
export async function lastRecords(files: LogFiles, directory: string, count: number): Promise<FollowedRecord[]> {
  let last: FollowedRecord[] = [];
  for (const file of findChainFiles(files, directory, undefined).files.toReversed()) {
    const records: FollowedRecord[] = [];
    for await (const record of readFile(files, file, 0)) {
      records.push(record);
      if (records.length > 2 * count) records.splice(0, records.length - count);
    }
    last = [...records, ...last].slice(-count);
    if (last.length >= count) break;
  }
  return last;
}

/**
 * The first unbroken piece of the log that has every record of a span of time, which an export is: from the first record
 * at or after `fromMs` to the last one before `toMs`, with whatever stands between them.
 */
export async function* recordsBetween(
  files: LogFiles,
  directory: string,
  fromMs: number,
  toMs: number,
): AsyncGenerator<ReadRecord> {
  let hasBegun = false;
  // Records after the end are kept until one follows that belongs to the span: the clock may have been put back.
  let held: ReadRecord[] = [];
  for await (const record of readLog(files, directory)) {
    const timeMs = Date.parse(String(record.fields['time']));
    hasBegun ||= timeMs >= fromMs;
    if (!hasBegun) continue;
    held.push(record);
    if (timeMs < toMs) {
      yield* held;
      held = [];
    } else if (held.length > HELD_MAX) return;
  }
}

/** How far behind its end a span is looked for. */
const HELD_MAX = 10_000;

/** The records of one request, oldest first. Looks from the newest file on. */
export async function recordsOfRequest(files: LogFiles, directory: string, requestId: string): Promise<ReadRecord[]> {
  const wanted = requestId.toLowerCase();
  for (const file of findChainFiles(files, directory, undefined).files.toReversed()) {
    const found: ReadRecord[] = [];
    for await (const record of readFile(files, file, 0)) {
      const id = record.fields['requestId'];
      if (typeof id === 'string' && id.toLowerCase() === wanted) found.push(record);
    }
    if (found.length > 0) return found;
  }
  return [];
}
