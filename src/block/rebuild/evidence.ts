import { SystemError } from '../../base/errors.ts';
import type { Environment } from '../files/environment.ts';
import { MARK_NAME } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { DiskIdentity } from '../format/head-format.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { readMark } from '../log/mark-file.ts';
import type { FoundSegment, Survey } from './survey.ts';

/**
 * The segments that count, in order of their numbers.
 * @throws {SystemError} kind `conflict`: two timelines of the disk are mixed, and nothing tells which one counts.
 */
export function onePerNumber({ segments, tables, roots }: Survey): FoundSegment[] {
  const named = new Set<string>();
  for (const table of [...tables, ...roots.values()]) for (const { id } of table.segments) named.add(toHex(id));
  const byNumber = new Map<number, FoundSegment>();
  for (const segment of segments) {
    const { number, id } = segment.entry;
    const other = byNumber.get(number);
    if (other === undefined || (named.has(toHex(id)) && !named.has(toHex(other.entry.id)))) {
      byNumber.set(number, segment);
      continue;
    }
    if (named.has(toHex(other.entry.id)) && !named.has(toHex(id))) continue;
    throw new SystemError(
      'conflict',
      'SEGMENTS_MIXED',
      `seg/${toHex(other.entry.id)} and seg/${toHex(id)} are both segment ${number}: files of two timelines are mixed; ` +
        'move those of the older one out of the directory',
    );
  }
  return [...byNumber.values()].sort((a, b) => a.entry.number - b.entry.number);
}

/** What head or table say; else the largest that the roots and `identity` do, since a disk only grows. */
export function sizeOf({ head, tables, roots }: Survey, identity: DiskIdentity): number {
  const known = [head, ...tables].find((record) => record !== undefined)?.sizeBytes;
  return known ?? Math.max(identity.sizeBytes, ...[...roots.values()].map(({ sizeBytes }) => sizeBytes));
}

/** By name of segment, how many of its slots were durable by the word of tables, roots and mark. */
export async function provenSlots(
  env: Environment,
  directory: string,
  keys: DiskKeys,
  { head, tables, roots, segments }: Survey,
): Promise<Map<string, number>> {
  const proven = new Map<string, number>();
  const prove = (name: string, slots: number): void => {
    proven.set(name, Math.max(proven.get(name) ?? 0, slots));
  };
  for (const table of [...tables, ...roots.values()])
    for (const { id, slots } of table.segments) prove(toHex(id), slots);
  if (head !== undefined && !head.clean) prove(toHex(head.log.id), head.log.slot);
  const sessions = new Map(
    segments.map(({ header }) => [header === undefined ? '' : toHex(header.session), header?.session]),
  );
  for (const session of sessions.values()) {
    if (session === undefined) continue;
    const durable = await readMark(env.files, `${directory}/${MARK_NAME}`, keys, session, env.log).catch(
      () => undefined,
    );
    const at = segments.find(({ entry }) => entry.number === durable?.segment);
    if (durable !== undefined && at !== undefined) prove(toHex(at.entry.id), durable.slot);
  }
  return proven;
}
