// Where a log that was found goes on. Format: docs/formats/audit-log.md, "Going on after a crash".
import path from 'node:path';

import type { AuditKey } from './audit-key.ts';
import type { Content, Link } from './chain.ts';
import { decodeLine, fieldsOf, GENESIS, LINE_BYTES_MAX } from './chain.ts';
import type { Point } from './events.ts';
import { fileName, fileNumbers } from './file-names.ts';
import { newestHead, readHeadSlots } from './head-file.ts';
import type { StoredHead } from './head-file.ts';
import type { LogFiles } from './log-files.ts';

export interface FoundLog {
  readonly head: StoredHead | undefined;
  /** Up to here nothing needs to be written again. */
  readonly durable: Point;
  /** What follows `durable`, in order; it may be in memory only. */
  readonly contents: readonly Content[];
  /** The last record. */
  readonly tip: Point;
  /** Nothing stands behind the last record, so that its file can be appended to. */
  readonly endsCleanly: boolean;
  /** The highest number that a file has. */
  readonly lastFile: number;
  /** What somebody else must have done to the log. */
  readonly problem: string | undefined;
}

export function findEnd(files: LogFiles, directory: string, key: AuditKey): FoundLog {
  const numbers = fileNumbers(files.list(directory));
  const lastFile = numbers.at(-1) ?? 0;
  const scan = (from: Point, after: Link | undefined): ScannedFile => scanFile(files, directory, key, from, after);
  const head = newestHead(readHeadSlots(files, directory, key) ?? []);
  if (head === undefined) {
    const tip = lastFile === 0 ? NOWHERE : scan({ ...GENESIS, file: lastFile, offset: 0 }, undefined).tip;
    const problem = lastFile === 0 ? undefined : `the head of the log was missing while file ${lastFile} was there`;
    return { head, durable: tip, contents: [], tip, endsCleanly: false, lastFile, problem };
  }
  const { seq, hash, file, offset, closed } = head;
  let durable: Point = { seq, hash, file, offset };
  const last = seq === 0 ? GENESIS : lastLineBefore(files, directory, key, durable);
  if (last?.seq !== seq || last.hash !== hash) {
    const problem = `record ${seq}, with which file ${file} had to end, was gone or changed`;
    const newFile = Math.max(lastFile, file);
    return { head, durable, contents: [], tip: durable, endsCleanly: false, lastFile: newFile, problem };
  }
  let end = scan(durable, durable);
  const isLonger = end.records.length > 0 || !end.endsCleanly;
  const problem = closed && isLonger ? `something stood behind record ${seq}, where the log was closed` : undefined;
  // A crash may have come between a new file and the head that names it. All that the new file had at first is durable.
  const known = [durable, ...end.records.map(({ point }) => point)];
  for (const number of numbers.filter((candidate) => candidate > file)) {
    const next = scan({ ...GENESIS, file: number, offset: 0 }, undefined);
    const [first] = next.records;
    if (first === undefined || !known.some((point) => goesOn(first.content, point))) continue;
    durable = first.point;
    end = { ...next, records: next.records.slice(1) };
    known.push(...next.records.map(({ point }) => point));
  }
  const contents = end.records.map(({ content }) => content);
  return { head, durable, contents, tip: end.tip, endsCleanly: end.endsCleanly, lastFile, problem };
}

const NOWHERE: Point = { ...GENESIS, file: 0, offset: 0 };

interface ScannedFile {
  readonly records: readonly { readonly content: Content; readonly point: Point }[];
  readonly tip: Point;
  readonly endsCleanly: boolean;
}

/** The records of one file from a point on, as far as they are authentic and follow each other. */
function scanFile(
  files: LogFiles,
  directory: string,
  key: AuditKey,
  from: Point,
  after: Link | undefined,
): ScannedFile {
  const { file } = from;
  const bytes = files.read(path.join(directory, fileName(file)), from.offset) ?? new Uint8Array(0);
  const records: { content: Content; point: Point }[] = [];
  let link = after;
  let position = 0;
  for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, position)) {
    const line = decodeLine(bytes.subarray(position, end), key.macKey);
    if (line?.isAuthentic !== true) break;
    if (link !== undefined && (line.seq !== link.seq + 1 || line.prev !== link.hash)) break;
    if (link === undefined && fieldsOf(line.content)['log'] !== key.logId) break;
    link = line;
    position = end + 1;
    const point = { seq: line.seq, hash: line.hash, file, offset: from.offset + position };
    records.push({ content: line.content, point });
  }
  return { records, tip: records.at(-1)?.point ?? from, endsCleanly: position === bytes.length };
}

/** Whether a file that begins with `content` comes from `point`. */
export function goesOn(content: Content, point: Point): boolean {
  const previous = fieldsOf(content)['previous'] as Point | null | undefined;
  if (previous === null) return point.seq === 0;
  return previous?.file === point.file && previous.offset === point.offset && previous.hash === point.hash;
}

/** The record that ends at a point; undefined when none does. */
function lastLineBefore(files: LogFiles, directory: string, key: AuditKey, { file, offset }: Point): Link | undefined {
  const from = Math.max(0, offset - LINE_BYTES_MAX - 1);
  const bytes = files.read(path.join(directory, fileName(file)), from, offset - from);
  if (bytes === undefined || bytes.length !== offset - from || bytes.at(-1) !== 0x0a) return undefined;
  const begin = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
  const line = decodeLine(bytes.subarray(begin, bytes.length - 1), key.macKey);
  return line?.isAuthentic === true ? line : undefined;
}
