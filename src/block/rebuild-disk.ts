import { SystemError } from '../base/errors.ts';
import { makeDisk } from './create-disk.ts';
import { openDisk } from './disk.ts';
import { removeTree, splitPath } from './files/directories.ts';
import type { Environment } from './files/environment.ts';
import { ioError } from './files/io-errors.ts';
import { ROOTS_NAME, SEGMENTS_NAME, TABLES_NAME } from './format/file-names.ts';
import { toHex } from './format/fixed-bytes.ts';
import type { DiskIdentity } from './format/head-format.ts';
import type { Pin } from './format/pin.ts';
import type { DataKey } from './keys/data-key.ts';
import { DiskKeys } from './keys/disk-keys.ts';
import type { Overlay } from './map/overlay.ts';
import { lockDisk, openState } from './open-disk.ts';
import { onePerNumber, provenSlots, sizeOf } from './rebuild/evidence.ts';
import { findMap } from './rebuild/rebuild-map.ts';
import { replayOver } from './rebuild/rebuild-overlay.ts';
import { Sayings } from './rebuild/sayings.ts';
import { surveyDisk } from './rebuild/survey.ts';
import type { Survey } from './rebuild/survey.ts';
import type { ScrubReport } from './scrub/scrub-report.ts';
import { commitRecovered } from './state/checkpoint.ts';
import { makerFor } from './state/session.ts';

const SESSION_ID_SIZE_BYTES = 16;

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

/** Roots verify by themselves; all files of tables come along, of which the first open removes those that no root needs. */
async function linkRoots({ files }: Environment, survey: Survey, from: string, to: string): Promise<void> {
  for (const name of await files.list(`${from}/${TABLES_NAME}`).catch(() => []))
    await files.link(`${from}/${TABLES_NAME}/${name}`, `${to}/${TABLES_NAME}/${name}`);
  for (const snapshotId of survey.roots.keys())
    await files.link(`${from}/${ROOTS_NAME}/${snapshotId}`, `${to}/${ROOTS_NAME}/${snapshotId}`);
  await files.syncDirectory(`${to}/${TABLES_NAME}`);
  await files.syncDirectory(`${to}/${ROOTS_NAME}`);
}
