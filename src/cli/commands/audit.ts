import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { callAdmin, isNotRunning } from '../../admin/admin-client.ts';
import type { AuditVerification } from '../../admin/admin-protocol.ts';
import { auditDirectory } from '../../audit/directory.ts';
import { systemLogFiles } from '../../audit/log-files.ts';
import { lastRecords, readLog, recordsBetween } from '../../audit/read-log.ts';
import type { Bookmark, ReadRecord } from '../../audit/read-log.ts';
import { SystemError } from '../../base/errors.ts';
import { systemClock } from '../../base/system-clock.ts';
import { describeRecord } from '../audit-text.ts';
import { printLines } from '../print-lines.ts';
import type { Composition } from '../composition.ts';
import type { Output } from '../output.ts';
import { dataDirectoryOf } from '../server-location.ts';

interface DataDirOption {
  readonly dataDir?: string;
}

const POLL_MS = 250;
const TAIL_RECORDS = '20';

/** Prints the last records; with `follow`, those that come after them too, until somebody stops it. */
export async function auditTail(
  options: DataDirOption & { readonly lines?: string; readonly follow?: boolean; readonly json?: boolean },
): Promise<void> {
  const count = Number(options.lines ?? TAIL_RECORDS);
  if (!Number.isInteger(count) || count < 0 || count > 100_000)
    throw new SystemError('invalid', 'BAD_COUNT', '--lines is a whole number up to 100000');
  const directory = directoryOf(options);
  const toLine = (record: ReadRecord): string => (options.json === true ? record.line : describeRecord(record.fields));
  await printLines(tailLines(directory, count, options.follow ?? false, toLine));
}

async function* tailLines(
  directory: string,
  count: number,
  follow: boolean,
  toLine: (record: ReadRecord) => string,
): AsyncGenerator<string> {
  // One at least, to know where to go on from.
  const last = await lastRecords(systemLogFiles, directory, Math.max(1, count));
  for (const record of last.slice(last.length - count)) yield toLine(record);
  let from: Bookmark | undefined = last.at(-1)?.next;
  while (follow) {
    await systemClock.sleep(POLL_MS);
    for await (const record of readLog(systemLogFiles, directory, from)) {
      yield toLine(record);
      from = record.next;
    }
  }
}

/** Answers the exit code: 0 whole, 1 anything else. */
export async function auditVerify(
  options: DataDirOption & { readonly anchor?: string; readonly file?: string },
  composition: Composition,
  output: Output,
): Promise<number> {
  const dataDirectory = dataDirectoryOf(options);
  const anchors = options.anchor === undefined ? '' : readText(options.anchor);
  const request = { anchors, ...(options.file === undefined ? {} : { file: path.resolve(options.file) }) };
  const found = await callAdmin(dataDirectory, 'verifyAudit', request).catch((error: unknown) => {
    if (!isNotRunning(error)) throw error;
    return composition.verifyAuditOffline({ dataDirectory, ...request });
  });
  output.result(found, inWords(found));
  return found.findings.length === 0 ? 0 : 1;
}

/** Prints the records of a span of time as they stand in the log: one unbroken piece of it. */
export async function auditExport(
  options: DataDirOption & { readonly from?: string; readonly to?: string },
  output: Output,
): Promise<void> {
  const fromMs = options.from === undefined ? -Infinity : timeOf(options.from, '--from');
  const toMs = options.to === undefined ? Infinity : timeOf(options.to, '--to');
  let [first, last] = [0, 0];
  async function* lines(): AsyncGenerator<string> {
    for await (const { line, seq } of recordsBetween(systemLogFiles, directoryOf(options), fromMs, toMs)) {
      yield line;
      first ||= seq;
      last = seq;
    }
  }
  await printLines(lines());
  output.note(last === 0 ? 'no record is of that time' : `records ${first} to ${last}`);
}

export async function auditAnchor(options: DataDirOption, composition: Composition, output: Output): Promise<void> {
  const dataDirectory = dataDirectoryOf(options);
  const { anchor } = await callAdmin(dataDirectory, 'auditAnchor', {}).catch((error: unknown) => {
    if (!isNotRunning(error)) throw error;
    return composition.auditAnchorOffline({ dataDirectory });
  });
  output.result({ anchor }, [anchor]);
}

/** The folder of the log. @throws {SystemError} code `AUDIT_MISSING`. */
export function directoryOf(options: DataDirOption): string {
  const directory = auditDirectory(dataDirectoryOf(options));
  if (existsSync(directory)) return directory;
  throw new SystemError('not-found', 'AUDIT_MISSING', `there is no ${directory}; give the server's --data-dir`);
}

function inWords({
  logId,
  records,
  files,
  first,
  last,
  findings,
  findingsLeftOut,
  notes,
}: AuditVerification): string[] {
  const span =
    last === undefined ? 'no record' : `records ${first ?? 0} to ${last.seq} in ${files} file${files === 1 ? '' : 's'}`;
  const more = findingsLeftOut === 0 ? [] : [`  and ${findingsLeftOut} more`];
  return [
    findings.length === 0
      ? `the audit log ${logId} is whole: ${span}`
      : `the audit log ${logId} was TAMPERED WITH or damaged: ${records} records are right, of ${span}`,
    ...findings.map(({ message }) => `  ${message}`),
    ...more,
    ...notes.map((note) => `  note: ${note}`),
  ];
}

function timeOf(text: string, option: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}(T[\d:.]+Z)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw new SystemError('invalid', 'BAD_TIME', `${option} wants 2026-11-24 or 2026-11-24T08:00:00Z, in UTC`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SystemError('not-found', 'NO_ANCHOR', `${file} cannot be read`, { cause });
  }
}
