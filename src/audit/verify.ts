// Whether a log is what Sealdisk wrote, all of it, in its order. Format: docs/formats/audit-log.md, "Verifying".
import path from 'node:path';

import type { Anchor } from './anchor.ts';
import type { AuditKey } from './audit-key.ts';
import { ChainCheck } from './chain-check.ts';
import type { Finding } from './chain-check.ts';
import { findChainFiles, linesOf } from './chain-files.ts';
import type { ChainFile, FileLine } from './chain-files.ts';
import { decodeLine, fieldsOf } from './chain.ts';
import type { Content, Link } from './chain.ts';
import type { Point } from './events.ts';
import { newestHead, readHeadSlots } from './head-file.ts';
import type { StoredHead } from './head-file.ts';
import type { LogFiles } from './log-files.ts';

export interface VerifyRequest {
  readonly files: LogFiles;
  readonly directory: string;
  readonly key: AuditKey;
  readonly anchors: readonly Anchor[];
  /** The last record to look at, while a server goes on writing; undefined for the whole log. */
  readonly upTo?: Point | undefined;
}

export interface Verification {
  readonly logId: string;
  readonly records: number;
  readonly files: number;
  readonly first: number | undefined;
  readonly last: Link | undefined;
  /** Empty when the log is whole. */
  readonly findings: readonly Finding[];
  /** How many more there are. */
  readonly findingsLeftOut: number;
  /** What is worth knowing and no fault. */
  readonly notes: readonly string[];
}

/** Records whose hashes somebody asks for. */
type Wanted = Map<number, string | undefined>;

export async function verifyLog(request: VerifyRequest): Promise<Verification> {
  const { files, directory, key, anchors, upTo } = request;
  const slots = readHeadSlots(files, directory, key);
  const head = newestHead(slots ?? []);
  const chain = findChainFiles(files, directory, key.macKey);
  const check = new ChainCheck();
  const notes: string[] = [];
  for (const number of chain.missing)
    check.note({ what: 'file', message: `file ${number} of the log is missing, and the records in it` });
  const wanted: Wanted = new Map(
    [...anchors, ...(head === undefined ? [] : [head])].map(({ seq }) => [seq, undefined]),
  );
  const pruned: Point[] = [];
  for (const file of chain.files) {
    if (upTo !== undefined && file.number > upTo.file) break;
    const end = file.number === upTo?.file ? upTo.offset : file.endOffset;
    await checkFile({ files, key, check, wanted, notes, pruned, head }, { ...file, endOffset: end });
    if (file.endOffset !== undefined && (files.read(file.path, file.endOffset, 1)?.length ?? 0) > 0)
      notes.push(
        `file ${file.number} goes on behind byte ${file.endOffset}, where another file took over; that does not count`,
      );
  }
  const through = checkStart(check, pruned, notes);
  checkHead(check, slots, head, wanted, upTo);
  for (const anchor of anchors) checkAnchor(check, key, anchor, wanted, through, notes);
  for (const number of chain.superseded)
    notes.push(`file ${number} is not part of the log: another one took over what it held`);
  return {
    logId: key.logId,
    records: check.records,
    files: chain.files.length,
    first: check.first?.seq,
    last: check.last,
    findings: check.findings,
    findingsLeftOut: check.leftOut,
    notes,
  };
}

interface Parts {
  readonly files: LogFiles;
  readonly key: AuditKey;
  readonly check: ChainCheck;
  readonly wanted: Wanted;
  readonly notes: string[];
  readonly pruned: Point[];
  readonly head: StoredHead | undefined;
}

async function checkFile(parts: Parts, file: ChainFile): Promise<void> {
  const { files, key, check, wanted, notes, pruned, head } = parts;
  const name = path.basename(file.path);
  let reached = 0;
  for await (const line of linesOf(files, file.path, file.endOffset)) {
    const decoded = line.isComplete ? decodeLine(line.bytes, key.macKey) : undefined;
    const isRight = decoded?.isAuthentic === true;
    if (!isRight && mayBeTorn(file, line, head)) {
      notes.push(`${name} ends with a record that a crash cut short, or that somebody changed before it was durable`);
      return;
    }
    check.check(decoded, `${name}, line ${line.number}`);
    reached = line.offset + line.bytes.length + 1;
    if (!isRight) continue;
    if (wanted.has(decoded.seq)) wanted.set(decoded.seq, decoded.hash);
    lookInto(decoded.content, decoded.seq, check, notes, pruned);
  }
  if (file.endOffset === undefined) return;
  if (reached < file.endOffset)
    check.note({ what: 'file', message: `${name} has ${reached} bytes where ${file.endOffset} belong to the log` });
}

/** Behind the head nothing was promised, unless the log was closed there. */
function mayBeTorn(file: ChainFile, line: FileLine, head: StoredHead | undefined): boolean {
  if (file.endOffset !== undefined || head === undefined || head.closed) return false;
  return file.number > head.file || (file.number === head.file && line.offset >= head.offset);
}

const KIND = /^"time":"[^"]*","kind":"([a-z]+)"/;

function lookInto(content: Content, seq: number, check: ChainCheck, notes: string[], pruned: Point[]): void {
  const kind = KIND.exec(content)?.[1];
  if (kind !== 'break' && kind !== 'gap' && kind !== 'pruned') return;
  const fields = fieldsOf(content) as { time: string; reason: string; count: number; from: string; through: Point };
  if (kind === 'pruned') pruned.push(fields.through);
  else if (kind === 'gap')
    notes.push(`record ${seq}: ${fields.count} records were not written from ${fields.from} on (${fields.reason})`);
  else check.note({ what: 'break', seq, message: `record ${seq}: at ${fields.time} ${fields.reason}` });
}

/** The first record is the first of the log, or follows what was removed on purpose. Answers up to where that was. */
function checkStart(check: ChainCheck, pruned: readonly Point[], notes: string[]): number {
  const { first } = check;
  if (first === undefined || first.seq === 1) return 0;
  const statement = pruned.find(({ seq, hash }) => seq === first.seq - 1 && hash === first.prev);
  if (statement === undefined) {
    check.missing(1, first.seq - 1, 'the beginning of the log');
    return 0;
  }
  notes.push(`records 1 to ${statement.seq} were removed on purpose, which the log says`);
  return statement.seq;
}

function checkHead(
  check: ChainCheck,
  slots: readonly (StoredHead | undefined)[] | undefined,
  head: StoredHead | undefined,
  wanted: Wanted,
  upTo: Point | undefined,
): void {
  if (head === undefined) {
    check.note({ what: 'head', message: 'the head of the log is missing or was changed, so its end may be cut off' });
    return;
  }
  // A running server has written more since; what it knows itself is better.
  const { seq, hash } = upTo !== undefined && upTo.seq > head.seq ? upTo : head;
  const last = check.lastPlace;
  if (last < seq) check.missing(last + 1, seq, 'cut off the end of the log');
  else if (seq === head.seq && wanted.get(seq) !== undefined && wanted.get(seq) !== hash)
    check.note({ what: 'head', seq, message: `record ${seq} is not the one that the head of the log names` });
  if (!head.closed || upTo !== undefined) return;
  if (last > head.seq)
    check.note({
      what: 'head',
      seq: head.seq + 1,
      message: `records stand behind ${head.seq}, where the log was closed`,
    });
  if (slots?.includes(undefined) === true)
    check.note({ what: 'head', message: 'one of the two copies of the head is missing or was changed' });
}

function checkAnchor(
  check: ChainCheck,
  key: AuditKey,
  anchor: Anchor,
  wanted: Wanted,
  prunedThrough: number,
  notes: string[],
): void {
  const { logId, seq, hash } = anchor;
  const finding = (message: string): void => check.note({ what: 'anchor', seq, message });
  if (logId !== key.logId) finding(`the anchor at record ${seq} is of another log, ${logId}`);
  else if (seq <= prunedThrough) notes.push(`the anchor at record ${seq} is older than what was kept`);
  else if (wanted.get(seq) === undefined) finding(`the anchored record ${seq} is not in the log`);
  else if (wanted.get(seq) !== hash) finding(`record ${seq} is not the one that was anchored: the log was made anew`);
  else notes.push(`record ${seq} is the one that was anchored`);
}

/**
 * Checks lines that were exported: that they are one piece of a log without a gap.
 * @param key without it, only the chain of hashes is followed, which an anchor makes conclusive.
 */
export async function verifyExport(
  files: LogFiles,
  file: string,
  key: AuditKey | undefined,
  anchors: readonly Anchor[],
): Promise<Omit<Verification, 'logId' | 'files'>> {
  const check = new ChainCheck();
  const notes: string[] = [];
  const wanted: Wanted = new Map(anchors.map(({ seq }) => [seq, undefined]));
  for await (const line of linesOf(files, file, undefined)) {
    const decoded = line.isComplete ? decodeLine(line.bytes, key?.macKey) : undefined;
    check.check(decoded, `line ${line.number}`);
    if (decoded !== undefined && decoded.isAuthentic !== false && wanted.has(decoded.seq))
      wanted.set(decoded.seq, decoded.hash);
  }
  if (key === undefined) notes.push('the MACs were not checked: that takes the key of the log');
  for (const { seq, hash } of anchors) {
    const there = wanted.get(seq);
    if (there === undefined) notes.push(`the anchored record ${seq} is not among these`);
    else if (there === hash) notes.push(`record ${seq} is the one that was anchored`);
    else check.note({ what: 'anchor', seq, message: `record ${seq} is not the one that was anchored` });
  }
  return {
    records: check.records,
    first: check.first?.seq,
    last: check.last,
    findings: check.findings,
    findingsLeftOut: check.leftOut,
    notes,
  };
}
