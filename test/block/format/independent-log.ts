/** Part of `independent-reader.ts`: what the log of a disk that was not closed says beyond its table. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import type { IndependentHead } from './independent-reader.ts';
import { openSlot, SUITES, u64 } from './independent-slot.ts';
import type { Keys, Segment, Slot } from './independent-slot.ts';

interface Position {
  readonly segment: number;
  readonly slot: number;
}

const isBefore = (a: Position, b: Position): boolean =>
  a.segment < b.segment || (a.segment === b.segment && a.slot < b.slot);

/** docs/formats/opening.md, "Recovery", steps 1 to 4: what the log says beyond the table. Adds its segments to `known`. */
export function replay(directory: string, keys: Keys, head: IndependentHead, known: Map<number, Segment>) {
  const overlay = new Map<number, number>();
  const inTable = new Set([...known.values()].map(({ id }) => id));
  const candidates: Segment[] = [];
  for (const id of readdirSync(path.join(directory, 'seg'))) {
    if (inTable.has(id) && id !== head.log.id) continue;
    const bytes = readFileSync(path.join(directory, 'seg', id));
    const header = [bytes.subarray(0, 512), bytes.subarray(512, 1024)].find(
      (copy) => keys.verifies('segment-header', copy) && copy.toString('latin1', 0, 8) === 'SDSEGMT1',
    );
    if (header === undefined || header.readUInt16LE(8) !== 1 || header.toString('hex', 24, 40) !== id) {
      if (/^[0-9a-f]{32}$/.test(id) && bytes.length > 1024) throw new Error(`the header of ${id} is damaged`);
      continue;
    }
    if (header.readUInt8(10) !== 1 || !header.subarray(40, 56).equals(head.session)) continue;
    if (u64(header, 16) < head.log.segment) continue;
    const suite = SUITES[header.readUInt8(11)];
    if (suite === undefined) throw new Error('an unknown suite');
    candidates.push({ number: u64(header, 16), id, suite, key: keys.slotKey(header.subarray(56, 120), suite) });
  }
  const open = (segment: Segment, slot: number): Slot | undefined => openSlot(directory, segment, slot);
  let proven: Position = head.log;
  const prove = (position: Position): void => {
    if (isBefore(proven, position)) proven = position;
  };
  const isDisks = (block: number): boolean => block < head.sizeBytes / 4096;
  let next = candidates.find(({ id }) => id === head.log.id);
  if (next === undefined) throw new Error('the log segment that the head names is missing');
  let end: Position = head.log;
  for (let from = head.log.slot; next !== undefined; from = 0) {
    const current: Segment = next;
    known.set(current.number, current);
    let stop = from;
    for (let found = open(current, stop); found !== undefined; found = open(current, ++stop))
      applyTo(overlay, found, current.number * 2 ** 20 + stop, isDisks);
    end = { segment: current.number, slot: stop };
    next = candidates.find(
      (candidate) => candidate.number > current.number && goesOn(open(candidate, 0), current, stop),
    );
  }
  for (const segment of candidates) {
    const size = readFileSync(path.join(directory, 'seg', segment.id)).length;
    for (let at = 0; at < (size - 1024) / 4128; at++) {
      const found = open(segment, at);
      if (found === undefined) continue;
      if (found.durable > 0) prove({ segment: segment.number, slot: found.durable });
      if (found.type === 3 && found.body.readUInt8(0) === 1)
        prove({ segment: u64(found.body, 29), slot: found.body.readUInt32LE(37) });
    }
  }
  for (const mark of readMarks(directory, keys, head.session)) prove(mark);
  if (isBefore(end, proven)) throw new Error('what was flushed is damaged or missing');
  return overlay;
}

/** True for a `begin` note that names `previous`, left at `slots`. */
function goesOn(slot: Slot | undefined, previous: Segment, slots: number): boolean {
  if (slot?.type !== 3 || slot.body.readUInt8(0) !== 1 || u64(slot.body, 1) !== previous.number) return false;
  return slot.body.toString('hex', 9, 25) === previous.id && slot.body.readUInt32LE(25) === slots;
}

/** docs/formats/notes.md */
function applyTo(overlay: Map<number, number>, slot: Slot, address: number, isDisks: (block: number) => boolean): void {
  const kind = slot.body.readUInt8(0);
  if (slot.type === 1 && isDisks(slot.index)) {
    overlay.set(slot.index, address);
  } else if (slot.type === 3 && kind === 2) {
    const first = u64(slot.body, 2);
    const count = u64(slot.body, 10);
    if (!isDisks(first + count - 1)) throw new Error('a run reaches behind the end of the disk');
    for (let i = 0; i < count; i++) overlay.set(first + i, slot.body.readUInt8(1) === 1 ? 1 : 0);
  } else if (slot.type !== 3 || (kind !== 1 && kind !== 3)) {
    // A summary repeats what the slots say.
    throw new Error('the log says what this reader does not know');
  }
}

/** docs/formats/mark.md */
function readMarks(directory: string, keys: Keys, session: Buffer): Position[] {
  const file = path.join(directory, 'mark');
  if (!existsSync(file)) return [];
  const bytes = readFileSync(file);
  return [bytes.subarray(0, 512), bytes.subarray(512, 1024)]
    .filter((place) => keys.verifies('mark', place) && place.toString('latin1', 0, 8) === 'SDMARK_1')
    .filter((place) => place.readUInt16LE(8) === 1 && place.subarray(10, 26).equals(session))
    .map((place) => ({ segment: u64(place, 26), slot: place.readUInt32LE(34) }));
}
