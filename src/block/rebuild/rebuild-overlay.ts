import { addressOf, DAMAGED, HOLE, isBefore } from '../format/address.ts';
import type { LogPosition } from '../format/address.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { Overlay } from '../map/overlay.ts';
import type { FoundMap } from './rebuild-map.ts';
import { replaySessions } from './rebuild-sessions.ts';
import type { Sayings } from './sayings.ts';
import type { FoundSegment, Survey } from './survey.ts';

/** What the log says that the map does not. */
export async function replayOver(
  map: FoundMap,
  parts: {
    readonly keys: DiskKeys;
    readonly segments: readonly FoundSegment[];
    readonly survey: Survey;
    readonly proven: ReadonlyMap<string, number>;
    readonly blockCount: number;
  },
  sayings: Sayings,
): Promise<Overlay> {
  const { keys, segments, survey, proven, blockCount } = parts;
  const overlay = new Overlay();
  const lostRanges = map.lost.map(({ first, end }) => ({ first, end: Math.min(end, blockCount) }));
  let allThere = !survey.lacksSegments;
  const inLost = (first: number, end: number): { first: number; end: number }[] =>
    lostRanges
      .map((range) => ({ first: Math.max(first, range.first), end: Math.min(end, range.end) }))
      .filter((range) => range.first < range.end);
  const isNewer = (position: LogPosition): boolean => !isBefore(position, map.logStart);
  const from = lostRanges.length > 0 ? 0 : map.logStart.segment;
  const logs = segments.filter(({ entry, header }) => entry.number >= from && header?.kind !== 'map');
  const missing = await replaySessions(keys, logs, proven, {
    change: (change, position) => {
      const [first, count] =
        change.kind === 'block' ? [change.block, 1] : [change.note.firstBlock, change.note.blockCount];
      const end = Math.min(first + count, blockCount);
      const ranges = isNewer(position) ? [{ first, end }] : inLost(first, end);
      for (const range of ranges) {
        if (range.first >= range.end) continue;
        if (change.kind === 'block') overlay.set(change.block, addressOf(change.segment.entry.number, change.slot));
        else overlay.setRun(range.first, range.end - range.first, change.note.marker);
      }
    },
    lost: ({ segment, slot }) => {
      allThere = false;
      if (isNewer({ segment, slot }))
        sayings.lose(
          `slot ${slot} of segment ${segment}: a write or a trim that had been made durable; its blocks are as they were before`,
        );
    },
  });
  for (const number of missing.filter((segment) => segment >= map.logStart.segment)) {
    allThere = false;
    sayings.lose(`segment ${number} of the log is not there; what was written into it is as it was before`);
  }
  if (missing.length > 0) allThere = false;
  if (lostRanges.length === 0) return overlay;
  const whole = new Overlay();
  for (const { first, end } of lostRanges) {
    // Where everything can be opened, a block that nothing names was never written.
    whole.setRun(first, end - first, allThere ? HOLE : DAMAGED);
    sayings.resurrect(
      `blocks ${first} to ${end - 1}: their page of the map is lost; they are as the log has them, so that what was ` +
        'trimmed may be back',
    );
    if (!allThere) sayings.lose(`blocks ${first} to ${end - 1}: those that the log does not have cannot be read`);
  }
  whole.absorb(overlay);
  return whole;
}
