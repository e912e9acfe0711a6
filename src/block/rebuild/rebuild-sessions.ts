import { isBefore } from '../format/address.ts';
import type { LogPosition } from '../format/address.ts';
import { equalBytes, toHex } from '../format/fixed-bytes.ts';
import { decodeNote } from '../format/note-format.ts';
import type { BeginNote, RunNote } from '../format/note-format.ts';
import { SLOT_DATA, SLOT_NOTE } from '../format/slot-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { scanSegment } from './survey.ts';
import type { FoundSegment } from './survey.ts';

/** What a slot of the log says. */
export type LogChange =
  | { readonly kind: 'block'; readonly segment: FoundSegment; readonly slot: number; readonly block: number }
  | { readonly kind: 'run'; readonly note: RunNote };

export interface LogVisitor {
  change(change: LogChange, position: LogPosition): void;
  /** A slot that was durable, or is followed by what was, and does not open: a write or a trim of unknown blocks. */
  lost(position: LogPosition, segment: FoundSegment): void;
}

/** The log segments of one run of the engine. */
interface SessionLog {
  readonly segments: FoundSegment[];
  /** How far anything in them says that the log was durable. */
  durable: LogPosition;
  /** By name of segment. */
  readonly begins: Map<string, BeginNote>;
}

/**
 * Everything that the log segments say, in the order in which it was written, by the rules of recovery: a session's log
 * goes on over what was durable and does not open, and ends at the first slot that may never have reached the disk.
 * @param proven how many slots of a segment, by its name, belong to some state for sure.
 * @returns numbers of segments that others follow and that are not there: collected, or lost.
 */
export async function replaySessions(
  keys: DiskKeys,
  segments: readonly FoundSegment[],
  proven: ReadonlyMap<string, number>,
  visitor: LogVisitor,
): Promise<readonly number[]> {
  const sessions = await sessionsOf(keys, segments, proven);
  for (const session of sessions) {
    for (const segment of session.segments) {
      const number = segment.entry.number;
      const end = endBySuccessor(session, segment);
      let isOver = false;
      await scanSegment(keys, segment, { from: 0, end: end ?? segment.entry.slots }, (slot, meta, body) => {
        const position = { segment: number, slot };
        if (meta === undefined) {
          if (!isBefore(position, session.durable)) {
            isOver = true;
            return false;
          }
          visitor.lost(position, segment);
          return true;
        }
        if (meta.type === SLOT_DATA) visitor.change({ kind: 'block', segment, slot, block: meta.index }, position);
        const note = meta.type === SLOT_NOTE ? decodeNote(body) : undefined;
        if (note?.kind === 'run') visitor.change({ kind: 'run', note }, position);
        return true;
      });
      // What follows a gap that was never durable was not part of the log.
      if (isOver && end !== undefined) break;
    }
  }
  const there = new Set(segments.map(({ entry }) => entry.number));
  const followed = sessions.flatMap(({ begins }) => [...begins.values()].map(({ previous }) => previous.segment));
  return followed.filter((number) => number > 0 && !there.has(number));
}

async function sessionsOf(
  keys: DiskKeys,
  segments: readonly FoundSegment[],
  proven: ReadonlyMap<string, number>,
): Promise<SessionLog[]> {
  const sessions = new Map<string, SessionLog>();
  for (const segment of segments) {
    // A segment without a header has no session; it stands alone, in its place by number.
    const name = segment.header === undefined ? `alone ${segment.entry.number}` : toHex(segment.header.session);
    const session: SessionLog = sessions.get(name) ?? {
      segments: [],
      durable: { segment: 0, slot: 0 },
      begins: new Map(),
    };
    sessions.set(name, session);
    session.segments.push(segment);
    const { number } = segment.entry;
    const note = (durable: LogPosition): void => {
      if (isBefore(session.durable, durable)) session.durable = durable;
    };
    note({ segment: number, slot: proven.get(toHex(segment.entry.id)) ?? 0 });
    await scanSegment(keys, segment, { from: 0, end: segment.entry.slots }, (_slot, meta, body) => {
      if (meta === undefined) return true;
      if (meta.watermark > 0) note({ segment: number, slot: meta.watermark });
      const decoded = meta.type === SLOT_NOTE ? decodeNote(body) : undefined;
      if (decoded?.kind === 'begin') {
        note(decoded.durable);
        session.begins.set(toHex(segment.entry.id), decoded);
      }
      return true;
    });
    // What a later checkpoint collected was durable; its slots that are left all count.
    if (segment.isDense || segment.header === undefined) note({ segment: number, slot: segment.entry.slots });
  }
  return [...sessions.values()];
}

/** How many slots the next segment of the session says that this one has in the log. */
function endBySuccessor(session: SessionLog, { entry }: FoundSegment): number | undefined {
  for (const { previous } of session.begins.values())
    if (previous.segment === entry.number && equalBytes(previous.id, entry.id)) return previous.slots;
  return undefined;
}
