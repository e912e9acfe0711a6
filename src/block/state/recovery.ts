import { isKind } from '../../base/errors.ts';
import type { SystemError } from '../../base/errors.ts';
import { isBefore } from '../format/address.ts';
import type { LogPosition } from '../format/address.ts';
import { MARK_NAME, markedDead } from '../format/file-names.ts';
import { equalBytes, toHex } from '../format/fixed-bytes.ts';
import { LogReader } from '../log/log-reader.ts';
import { readMark } from '../log/mark-file.ts';
import { isSegmentName } from '../segments/segment-files.ts';
import { filesOfRoots } from '../tables/named-files.ts';
import { commitRecovered } from './checkpoint.ts';
import type { DiskState } from './disk-state.ts';
import { Replay } from './replay.ts';
import type { Tolerate } from './replay.ts';
import { makerFor } from './session.ts';

/**
 * Brings a disk that was not closed to the state of a closed one:
 * 1. follow the log from the head's position to the first slot that does not open;
 * 2. refuse if anything proves that the log was durable beyond that: a flipped bit must not look like a torn tail;
 * 3. write what may be in memory only again, and make it durable;
 * 4. merge it into the map and write a clean head.
 * Until the clean head is durable nothing is removed or changed, so that it may be interrupted and repeated.
 *
 * @throws {SystemError} kind `corrupt`: flushed data is missing or damaged. The files are left as they are.
 */
export async function recover(state: DiskState): Promise<void> {
  const { env, head } = state;
  const readers = await sessionReaders(state, { mode: 'write' });
  try {
    const { replay, end } = await followLog(state, readers);
    await replay.refuseIfDurableBeyond(end);
    await replay.rewriteTail(end);
    for (const entry of replay.entries()) state.store.put(entry);
    const numbers = [...readers.map((reader) => reader.number + 1), head.nextSegment];
    const maker = makerFor(state, head.session, Math.max(...numbers));
    await commitRecovered(state, { maker, overlay: replay.overlay });
    env.log.info({ diskId: head.diskId, segment: end.segment, slot: end.slot }, 'recovered a disk that was not closed');
  } finally {
    for (const reader of readers) await reader.close().catch(() => undefined);
  }
}

/**
 * The same state without writing a byte, for reading only: what the log says stays in the overlay.
 * @param options.salvage take the log up to where it is damaged instead of refusing it; the answer says what is lost.
 * @throws {SystemError} kind `corrupt`: as `recover`, unless it is a salvage.
 */
export async function replayInMemory(
  state: DiskState,
  options: { readonly salvage: boolean },
): Promise<LogLoss | undefined> {
  const lost: string[] = [];
  const tolerate = options.salvage ? (error: SystemError) => void lost.push(error.message) : undefined;
  const readers = await sessionReaders(state, { mode: 'read', tolerate });
  try {
    const { replay, end } = await followLog(state, readers, tolerate);
    await replay.refuseIfDurableBeyond(end, tolerate);
    for (const entry of replay.entries()) state.store.put(entry);
    state.overlay = replay.overlay;
    return lost.length === 0 ? undefined : { end, durable: replay.durable, reasons: lost };
  } finally {
    for (const reader of readers) await reader.close().catch(() => undefined);
  }
}

/** What a salvage left out: everything that was written behind `end`, of which what lies before `durable` was flushed. */
export interface LogLoss {
  readonly end: LogPosition;
  readonly durable: LogPosition;
  readonly reasons: readonly string[];
}

export function lossInWords({ end, durable, reasons }: LogLoss): string {
  const beyond = `everything written behind slot ${end.slot} of log segment ${end.segment} is left out`;
  const flushed = isBefore(end, durable)
    ? `what lies before slot ${durable.slot} of segment ${durable.segment} had been flushed`
    : 'nothing proves that any of it had been flushed';
  return `${beyond}; ${flushed} (${reasons.join('; ')})`;
}

async function followLog(
  state: DiskState,
  readers: readonly LogReader[],
  tolerate?: Tolerate,
): Promise<{ readonly replay: Replay; readonly end: LogPosition }> {
  const { env, head } = state;
  const replay = new Replay(readers, state.blockCount);
  const mark = await readMark(env.files, state.path(MARK_NAME), state.keys, head.session, env.log);
  if (mark !== undefined) replay.noteDurable(mark);
  if (state.pinnedLog !== undefined) replay.noteDurable(state.pinnedLog);
  const end = await replay.run(head.log, tolerate);
  return { replay, end };
}

/** The log segments that the head's session made, in order. Files of the table are known and need no look. */
async function sessionReaders(
  state: DiskState,
  options: { readonly mode: 'read' | 'write'; readonly tolerate?: Tolerate },
): Promise<LogReader[]> {
  const { env, head, keys, store } = state;
  const known = new Set(store.entries().map(({ id }) => toHex(id)));
  known.delete(toHex(head.log.id));
  const readers: LogReader[] = [];
  try {
    const names = await env.files.list(store.directory);
    // Nobody needs them, whatever their headers say: those of a clone's source verify under no key of the clone.
    for (const name of names) known.add(markedDead(name) ?? '');
    for (const name of names) {
      if (known.has(name) || !isSegmentName(name)) continue;
      const opening = LogReader.open(env.files, store.directory, name, keys, options.mode);
      const reader = await unlessInRoots(state, name, tolerating(opening, options.tolerate));
      if (reader === undefined) continue;
      const { header } = reader;
      const inLog = header.kind === 'log' && equalBytes(header.session, head.session);
      if (inLog && header.number >= head.log.segment) readers.push(reader);
      else await reader.close();
    }
  } catch (error) {
    for (const reader of readers) await reader.close().catch(() => undefined);
    throw error;
  }
  return readers.sort((a, b) => a.number - b.number);
}

/** A segment that snapshots alone need is no part of the log. */
async function unlessInRoots<T>(
  { env, directory }: DiskState,
  name: string,
  opening: Promise<T>,
): Promise<T | undefined> {
  try {
    return await opening;
  } catch (error) {
    if (!isKind(error, 'corrupt') || (await filesOfRoots(env.files, directory))?.segments.has(name) !== true)
      throw error;
    return undefined;
  }
}

async function tolerating<T>(call: Promise<T>, tolerate: Tolerate): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (tolerate === undefined || !isKind(error, 'corrupt')) throw error;
    tolerate(error);
    return undefined;
  }
}
