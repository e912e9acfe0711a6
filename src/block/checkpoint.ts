import { messageOf } from '../base/errors.ts';
import type { Address, LogPosition } from './address.ts';
import type { EpochRecord } from './disk-keys.ts';
import { ROOTS_NAME, TABLES_NAME } from './disk-state.ts';
import type { DiskState } from './disk-state.ts';
import { toHex } from './fixed-bytes.ts';
import type { Head } from './head-format.ts';
import { TABLE_ID_SIZE_BYTES } from './head-format.ts';
import { ioError } from './io-errors.ts';
import { MapMerge } from './map-merge.ts';
import { MapWriter } from './map-writer.ts';
import { Overlay } from './overlay.ts';
import { Pace } from './pace.ts';
import type { SegmentMaker } from './segment-files.ts';
import { createTableFile, replaceDurably } from './table-file.ts';
import { encodeTable } from './table-format.ts';
import type { SegmentEntry } from './table-format.ts';
import { concatCopies } from './two-copies.ts';

const NO_LOG: Head['log'] = { segment: 0, id: new Uint8Array(16), slot: 0 };

/** What a checkpoint makes durable. */
interface Frozen {
  readonly maker: SegmentMaker;
  /** For the map pages. */
  readonly epoch: EpochRecord;
  readonly overlay: Overlay;
  /** The segments of the state without the map pages that are still to be written. */
  readonly segments: readonly SegmentEntry[];
  /** Where replay begins after it; undefined when nothing follows. */
  readonly log: Head['log'] | undefined;
  /** Makes everything before the freeze durable. */
  readonly settle: () => Promise<void>;
}

interface Committed {
  readonly root: Address;
  readonly segments: readonly SegmentEntry[];
}

/**
 * Writes everything that changed into the map and a head that names it, while writes go on. The caller sees to it that
 * one runs at a time.
 * @param options.clean nothing is being written any more, and nothing will be.
 * @param options.snapshotId keep this state under that name. The log goes on in a fresh segment under a fresh epoch.
 */
export async function checkpoint(
  state: DiskState,
  options: { readonly clean: boolean; readonly snapshotId?: string },
): Promise<void> {
  const { session } = state;
  // Without a session nothing changed since the head: the state is what its table says.
  let committed: Committed = { root: state.root, segments: state.store.entries() };
  if (session !== undefined) {
    const { log, maker } = session;
    const { epoch } = log;
    const freeze = (end: LogPosition): Frozen => {
      const overlay = state.overlay;
      const position = { segment: end.segment, id: log.currentId, slot: end.slot };
      state.frozen = overlay;
      // A disk that changed much is about to change as much again.
      state.overlay = new Overlay(overlay.size);
      state.pace = new Pace(state.limits, log.slotsAppended);
      return {
        maker,
        epoch,
        overlay,
        segments: state.segmentsUpTo(end),
        log: options.clean ? undefined : position,
        settle: async () => {
          await log.written();
          await log.flush();
        },
      };
    };
    const frozen = options.snapshotId === undefined ? freeze(log.end) : await log.switchEpoch(freeze);
    committed = await commit(state, frozen);
  }
  if (options.snapshotId === undefined) return;
  if (session === undefined) await renewHead(state);
  await writeRoot(state, options.snapshotId, committed);
}

/** The same state under a new head, so that a pin tells what comes from before; or the same in a larger disk. */
export async function renewHead(state: DiskState, changes: { readonly sizeBytes?: number } = {}): Promise<void> {
  const { head, pin } = await state.headFile.write({ ...state.head, ...changes });
  state.head = head;
  state.pin = pin;
}

/** Recovery's checkpoint: the state that the log led to, with no log after it. */
export async function commitRecovered(
  state: DiskState,
  parts: { readonly maker: SegmentMaker; readonly overlay: Overlay },
): Promise<void> {
  const { maker, overlay } = parts;
  state.overlay = new Overlay();
  // Somebody may be reading what was replayed in memory.
  state.frozen = overlay;
  const settle = (): Promise<void> => Promise.resolve();
  const segments = state.store.entries();
  await commit(state, { maker, epoch: maker.newEpoch(), overlay, segments, log: undefined, settle });
}

async function commit(state: DiskState, frozen: Frozen): Promise<Committed> {
  const { env, keys, limits, store } = state;
  const { maker } = frozen;
  const writer = new MapWriter(maker, frozen.epoch, limits.segmentSlots);
  const tableId = env.random.bytes(TABLE_ID_SIZE_BYTES);
  const tables = state.path(TABLES_NAME);
  let root: Address;
  let mapSegments: readonly SegmentEntry[];
  let segments: readonly SegmentEntry[];
  let digest: Uint8Array;
  try {
    const advance = (merged: number): void => state.pace?.advance(merged);
    root = await new MapMerge(state.pages, writer, frozen.overlay, advance).merge(state.root);
    mapSegments = await writer.finish();
    await frozen.settle();
    segments = [...frozen.segments, ...mapSegments];
    const table = state.table(root, segments, '', state.head.sequence + 1);
    digest = await createTableFile(env.files, tables, toHex(tableId), table, keys);
  } catch (error) {
    await writer.abort();
    await env.files.unlink(`${tables}/${toHex(tableId)}`).catch(() => undefined);
    unfreeze(state);
    throw ioError('writing a checkpoint', error);
  }
  const before = state.head;
  try {
    const { head, pin } = await state.headFile.write({
      ...before,
      clean: frozen.log === undefined,
      tableId,
      tableDigest: digest,
      session: maker.session,
      log: frozen.log ?? NO_LOG,
      nextSegment: maker.nextNumber,
    });
    state.head = head;
    state.pin = pin;
  } catch (error) {
    // The new head may or may not be what the next open finds, so that everything both name stays where it is.
    state.headInDoubt = frozen.log === undefined;
    unfreeze(state);
    throw error;
  }
  state.headInDoubt = false;
  state.work.checkpoints += 1;
  for (const entry of mapSegments) {
    store.put(entry);
    state.work.mapSlots += entry.slots;
  }
  state.root = root;
  state.frozen = undefined;
  endPace(state);
  await env.files
    .unlink(`${tables}/${toHex(before.tableId)}`)
    .catch((error: unknown) => env.log.warn({ reason: messageOf(error) }, 'an old segment table could not be removed'));
  return { root, segments };
}

/** What could not be merged stays where lookups find it. */
function unfreeze(state: DiskState): void {
  const { frozen, overlay } = state;
  if (frozen === undefined) return;
  frozen.absorb(overlay);
  state.overlay = frozen;
  state.frozen = undefined;
  endPace(state);
}

/** Lets writes go on: after a checkpoint that failed too, since waiting would not make room for the next one. */
function endPace(state: DiskState): void {
  state.pace?.end();
  state.pace = undefined;
}

/** Keeps a state under a snapshot's name: the same record as a checkpoint's table, which nothing replaces. */
async function writeRoot(state: DiskState, snapshotId: string, committed: Committed): Promise<void> {
  const table = state.table(committed.root, committed.segments, snapshotId, state.head.sequence);
  try {
    const bytes = concatCopies(encodeTable(table, state.keys));
    await replaceDurably(state.env.files, state.path(ROOTS_NAME), snapshotId, bytes);
  } catch (error) {
    throw ioError(`keeping snapshot ${snapshotId}`, error);
  }
}
