import { SystemError } from '../base/errors.ts';
import { makeDisk } from './create-disk.ts';
import { openDisk } from './disk.ts';
import { removeTree, splitPath } from './files/directories.ts';
import type { Environment } from './files/environment.ts';
import { ioError } from './files/io-errors.ts';
import { addressOf, DAMAGED, HOLE, isBefore } from './format/address.ts';
import type { LogPosition } from './format/address.ts';
import { MARK_NAME, ROOTS_NAME, SEGMENTS_NAME, TABLES_NAME } from './format/file-names.ts';
import { toHex } from './format/fixed-bytes.ts';
import type { DiskIdentity } from './format/head-format.ts';
import type { Pin } from './format/pin.ts';
import type { DataKey } from './keys/data-key.ts';
import { DiskKeys } from './keys/disk-keys.ts';
import { readMark } from './log/mark-file.ts';
import { Overlay } from './map/overlay.ts';
import { lockDisk, openState } from './open-disk.ts';
import { findMap } from './rebuild/rebuild-map.ts';
import type { FoundMap } from './rebuild/rebuild-map.ts';
import { replaySessions } from './rebuild/rebuild-sessions.ts';
import { surveyDisk } from './rebuild/survey.ts';
import type { FoundSegment, Survey } from './rebuild/survey.ts';
import type { ScrubReport } from './scrub/scrub-report.ts';
import { commitRecovered } from './state/checkpoint.ts';
import { makerFor } from './state/session.ts';

const SESSION_ID_SIZE_BYTES = 16;
const SENTENCES_MAX = 200;

export interface RebuildReport {
  readonly pin: Pin;
  /** Where the damaged files are now. */
  readonly aside: string;
  /** What is gone or may be, in plain words. */
  readonly lost: readonly string[];
  /** What may be back although it was overwritten or trimmed. */
  readonly resurrected: readonly string[];
  readonly snapshotIds: readonly string[];
  /** Of the new disk, before it got the name. */
  readonly scrub: ScrubReport;
}

/**
 * Makes a disk anew from what is left of its files, and puts it in their place; they are kept aside, unchanged. Segment
 * files are shared by hard links, so that it needs space for the map alone.
 *
 * The newest map whose pages are there is the base; the log after it is replayed by the rules of recovery. Where pages are
 * lost, or all of them, blocks come from the whole log, in order of segment number and slot. Nothing is believed that does
 * not verify.
 *
 * A crash before the end leaves the disk as it was, or the new one beside it under a name of its own, which a repetition
 * replaces; between the two renames at the end the disk has no files under its name, and a repetition finishes.
 *
 * @param request.identity the size counts only where neither head, nor tables, nor roots tell it.
 * @throws {SystemError} kind `conflict`: held by somebody, or two files claim one place in the log.
 */
export async function rebuildDisk(
  env: Environment,
  request: {
    readonly directory: string;
    /** Exists or is made; the damaged files go below it. */
    readonly asideDirectory: string;
    readonly identity: DiskIdentity;
    readonly dataKey: DataKey;
    readonly pin: Pin | undefined;
  },
): Promise<RebuildReport> {
  const { directory, identity, dataKey, pin } = request;
  const { files } = env;
  const { parent, name } = splitPath(directory);
  const fresh = `${parent}/.rebuilt-${name}`;
  const sayings = new Sayings();
  if ((await files.stat(directory)) !== undefined) {
    using lock = await lockDisk(env, directory);
    void lock;
    await removeTree(files, fresh);
    await build(env, { directory, fresh, identity, dataKey, pin }, sayings);
  } else if ((await files.stat(fresh)) === undefined) {
    throw new SystemError('not-found', 'DISK_NOT_FOUND', `there is no disk in ${directory}`);
  }
  const scrub = await readBack(env, fresh, identity.diskId, dataKey);
  const aside = await swap(env, directory, fresh, request.asideDirectory);
  const snapshotIds = await files.list(`${directory}/${ROOTS_NAME}`);
  return { pin: scrub.pin, aside, ...sayings.all, snapshotIds, scrub: scrub.report };
}

interface Building {
  readonly directory: string;
  readonly fresh: string;
  readonly identity: DiskIdentity;
  readonly dataKey: DataKey;
  readonly pin: Pin | undefined;
}

async function build(env: Environment, request: Building, sayings: Sayings): Promise<void> {
  const { directory, fresh, dataKey, pin } = request;
  const keys = new DiskKeys(env.cipher, dataKey);
  try {
    const survey = await surveyDisk(env, directory, keys);
    for (const sentence of survey.unusable) sayings.lose(sentence);
    const segments = onePerNumber(survey);
    const map = await findMap(env, keys, { ...survey, segments });
    const identity = { ...request.identity, sizeBytes: sizeOf(survey, request.identity) };
    const proven = await provenSlots(env, directory, keys, survey);
    const overlay = await replayOver(
      map,
      { keys, segments, survey, proven, blockCount: identity.sizeBytes / 4096 },
      sayings,
    );
    const records = [...survey.tables, ...survey.roots.values()].map(({ sequence }) => sequence);
    const sequence = Math.max(pin?.sequence ?? 0, survey.head?.sequence ?? 0, ...records) + 1;
    const { olderKeys = [], reencryption } = survey.head ?? {};
    let nextSegment = survey.head?.nextSegment ?? 1;
    for (const { entry } of segments) nextSegment = Math.max(nextSegment, entry.number + 1);
    await makeDisk(env, fresh, identity, dataKey, async (to) => {
      for (const { entry } of segments)
        await env.files.link(`${directory}/${SEGMENTS_NAME}/${toHex(entry.id)}`, `${to}/${toHex(entry.id)}`);
      await env.files.syncDirectory(to);
      await linkRoots(env, survey, directory, splitPath(to).parent);
      const entries = segments.map(({ entry }) => entry);
      return { root: map.root, segments: entries, sequence, nextSegment, olderKeys, reencryption };
    });
    for (const { file } of survey.segments) await file.forget();
    await merge(env, fresh, identity.diskId, dataKey, overlay, nextSegment);
  } finally {
    keys[Symbol.dispose]();
  }
}

/** What the log says that the map does not. */
async function replayOver(
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

/** Writes the map that the log leads to, and a clean head. */
async function merge(
  env: Environment,
  fresh: string,
  diskId: string,
  dataKey: DataKey,
  overlay: Overlay,
  nextSegment: number,
): Promise<void> {
  const { state, lock } = await openState(env, fresh, { diskId, dataKey, pin: undefined, readOnly: false });
  try {
    const maker = makerFor(state, env.random.bytes(SESSION_ID_SIZE_BYTES), nextSegment);
    await commitRecovered(state, { maker, overlay });
  } finally {
    state.store.close();
    await state.headFile.close().catch(() => undefined);
    state.keys[Symbol.dispose]();
    lock[Symbol.dispose]();
  }
}

async function readBack(
  env: Environment,
  fresh: string,
  diskId: string,
  dataKey: DataKey,
): Promise<{ readonly report: ScrubReport; readonly pin: Pin }> {
  const disk = await openDisk(env, fresh, { diskId, dataKey, pin: undefined, readOnly: true });
  try {
    return { report: await disk.scrub({}), pin: disk.pin };
  } finally {
    await disk.close();
  }
}

async function swap(env: Environment, directory: string, fresh: string, asideDirectory: string): Promise<string> {
  const { files } = env;
  const { parent, name } = splitPath(directory);
  try {
    if ((await files.stat(asideDirectory)) === undefined) {
      await files.makeDirectory(asideDirectory);
      await files.syncDirectory(splitPath(asideDirectory).parent);
    }
    let aside = `${asideDirectory}/${name}`;
    if ((await files.stat(directory)) !== undefined) {
      for (let i = 2; (await files.stat(aside)) !== undefined; i++) aside = `${asideDirectory}/${name}.${i}`;
      await files.rename(directory, aside);
      await files.syncDirectory(asideDirectory);
    }
    await files.rename(fresh, directory);
    await files.syncDirectory(parent);
    return aside;
  } catch (error) {
    throw ioError(`putting the rebuilt disk in the place of ${directory}`, error);
  }
}

/** @throws {SystemError} kind `conflict`: two timelines of the disk are mixed, and nothing tells which one counts. */
function onePerNumber({ segments, tables, roots }: Survey): FoundSegment[] {
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

function sizeOf({ head, tables, roots }: Survey, identity: DiskIdentity): number {
  const known = [head, ...tables].find((record) => record !== undefined)?.sizeBytes;
  return known ?? Math.max(identity.sizeBytes, ...[...roots.values()].map(({ sizeBytes }) => sizeBytes));
}

/** By name of segment, how many of its slots were durable by the word of tables, roots and mark. */
async function provenSlots(
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

/** Roots verify by themselves; all files of tables come along, of which the first open removes those that no root needs. */
async function linkRoots({ files }: Environment, survey: Survey, from: string, to: string): Promise<void> {
  for (const name of await files.list(`${from}/${TABLES_NAME}`).catch(() => []))
    await files.link(`${from}/${TABLES_NAME}/${name}`, `${to}/${TABLES_NAME}/${name}`);
  for (const snapshotId of survey.roots.keys())
    await files.link(`${from}/${ROOTS_NAME}/${snapshotId}`, `${to}/${ROOTS_NAME}/${snapshotId}`);
  await files.syncDirectory(`${to}/${TABLES_NAME}`);
  await files.syncDirectory(`${to}/${ROOTS_NAME}`);
}

/** Sentences for people, so many of each kind that they can be read. */
class Sayings {
  readonly #lost: string[] = [];
  readonly #resurrected: string[] = [];

  lose(sentence: string): void {
    add(this.#lost, sentence);
  }

  resurrect(sentence: string): void {
    add(this.#resurrected, sentence);
  }

  get all(): { readonly lost: readonly string[]; readonly resurrected: readonly string[] } {
    return { lost: this.#lost, resurrected: this.#resurrected };
  }
}

function add(sentences: string[], sentence: string): void {
  if (sentences.length < SENTENCES_MAX) sentences.push(sentence);
  else if (sentences.length === SENTENCES_MAX) sentences.push('and more');
}
