import { messageOf } from '../../base/errors.ts';
import { replaceDurably } from '../files/durable-files.ts';
import { ioError } from '../files/io-errors.ts';
import type { Address, LogPosition } from '../format/address.ts';
import { ROOTS_NAME, TABLES_NAME } from '../format/file-names.ts';
import { toHex } from '../format/fixed-bytes.ts';
import type { Head } from '../format/head-format.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { encodeTable } from '../format/table-format.ts';
import type { ChunkReference, SegmentEntry } from '../format/table-format.ts';
import { concatCopies } from '../format/two-copies.ts';
import { MapMerge } from '../map/map-merge.ts';
import { MapWriter } from '../map/map-writer.ts';
import { Overlay } from '../map/overlay.ts';
import type { SegmentMaker } from '../segments/segment-files.ts';
import type { FrozenSegments } from '../segments/segment-ranges.ts';
import type { TableWriter } from '../tables/table-writer.ts';
import type { DiskState } from './disk-state.ts';
import { Pace } from './pace.ts';

const NO_LOG: Head['log'] = { segment: 0, id: new Uint8Array(16), slot: 0 };

/** What a checkpoint makes durable. */
interface Frozen {
  readonly maker: SegmentMaker;
  /** For the map pages. */
  readonly epoch: EpochRecord;
  readonly overlay: Overlay;
  /** The segments of the state without the map pages that are still to be written. */
  readonly segments: FrozenSegments;
  /** Where replay begins after it; undefined when nothing follows. */
  readonly log: Head['log'] | undefined;
  /** Makes everything before the freeze durable. */
  readonly settle: () => Promise<void>;
}

interface Committed {
  readonly root: Address;
  readonly chunks: readonly ChunkReference[];
}

/**
 * Writes everything that changed into the map and a head that names it, while writes go on. The caller sees to it that
 * one runs at a time.
 * @param options.clean nothing is being written any more, and nothing will be.
 * @param options.snapshotId keep this state under that name. The log goes on in a fresh segment under a fresh epoch.
 * @param options.freshEpochs the log goes on so without a snapshot, and the map pages have an epoch of their own.
 */
export async function checkpoint(
  state: DiskState,
  options: { readonly clean: boolean; readonly snapshotId?: string; readonly freshEpochs?: boolean },
): Promise<void> {
  const { session } = state;
  let committed: Committed;
  if (session === undefined) {
    // Nothing changed since the head. A snapshot gets a new one all the same, so that a pin tells what comes from before.
    if (options.snapshotId === undefined) return;
    committed = await commitIdle(state);
  } else {
    const { log, maker } = session;
    const epoch = options.freshEpochs === true ? maker.newEpoch() : log.epoch;
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
        segments: state.store.ranges.freeze(end, maker.nextNumber),
        log: options.clean ? undefined : position,
        settle: async () => {
          await log.written();
          await log.flush();
        },
      };
    };
    const goesOn = options.snapshotId === undefined && options.freshEpochs !== true;
    const frozen = goesOn ? freeze(log.end) : await log.switchEpoch(freeze);
    committed = await commit(state, frozen);
  }
  if (options.snapshotId === undefined) return;
  await writeRoot(state, options.snapshotId, committed);
}

/** The same state under a new head, so that a pin tells what comes from before; or the same in a larger disk. */
export async function renewHead(state: DiskState, changes: Partial<Head> = {}): Promise<void> {
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
  const segments = state.store.ranges.freeze(undefined, maker.nextNumber);
  await commit(state, { maker, epoch: maker.newEpoch(), overlay, segments, log: undefined, settle });
}

async function commit(state: DiskState, frozen: Frozen): Promise<Committed> {
  const { limits, store } = state;
  const { maker } = frozen;
  const writer = new MapWriter(maker, frozen.epoch, limits.segmentSlots);
  const tableWriter = state.newTableWriter();
  let root: Address;
  let mapSegments: readonly SegmentEntry[];
  let table: WrittenTable;
  try {
    const advance = (merged: number): void => state.pace?.advance(merged);
    root = await new MapMerge(state.pages, writer, frozen.overlay, advance).merge(state.root);
    mapSegments = await writer.finish();
    for (const entry of mapSegments) frozen.segments.add(entry);
    await frozen.settle();
    table = await writeTable(state, tableWriter, root, frozen.segments);
  } catch (error) {
    await writer.abort();
    await tableWriter.abort();
    unfreeze(state);
    throw ioError('writing a checkpoint', error);
  }
  const isClean = frozen.log === undefined;
  const changes = {
    clean: isClean,
    session: maker.session,
    log: frozen.log ?? NO_LOG,
    nextSegment: maker.nextNumber,
  };
  let unused: ReturnType<typeof store.ranges.stored> = [];
  const adopt = (): void => {
    state.headInDoubt = false;
    unused = store.ranges.stored(frozen.segments, table.chunks);
    state.work.checkpoints += 1;
    for (const entry of mapSegments) {
      store.put(entry);
      state.work.mapSlots += entry.slots;
    }
    state.root = root;
    state.frozen = undefined;
  };
  try {
    await writeHead(state, table, changes, adopt);
  } catch (error) {
    // The new head may or may not be what the next open finds, so that everything both name stays where it is.
    state.headInDoubt = isClean;
    unfreeze(state);
    throw error;
  }
  endPace(state);
  await state.unusedChunks.release(unused);
  return { root, chunks: table.chunks };
}

/** Without a session: nothing is being written, and the head stays what it is but for its table. */
export async function commitIdle(state: DiskState): Promise<Committed> {
  const segments = state.store.ranges.freeze(undefined, state.head.nextSegment);
  const tableWriter = state.newTableWriter();
  let table: WrittenTable;
  try {
    table = await writeTable(state, tableWriter, state.root, segments);
  } catch (error) {
    await tableWriter.abort();
    throw ioError('writing a checkpoint', error);
  }
  await writeHead(state, table, {}, () => undefined);
  await state.unusedChunks.release(state.store.ranges.stored(segments, table.chunks));
  return { root: state.root, chunks: table.chunks };
}

interface WrittenTable {
  readonly tableId: Uint8Array;
  readonly tableDigest: Uint8Array;
  readonly chunks: readonly ChunkReference[];
  readonly newChunks: readonly ChunkReference[];
}

async function writeTable(
  state: DiskState,
  writer: TableWriter,
  root: Address,
  segments: FrozenSegments,
): Promise<WrittenTable> {
  const chunks = await writer.writeChunks(segments, state.head.diskId);
  const fields = state.tableFields(root, '', state.head.sequence + 1);
  return { ...(await writer.writeIndex(fields, chunks)), chunks, newChunks: writer.written };
}

/**
 * A head that names `table`; when it is durable, the table before it goes.
 * @param adopt makes the rest of the state fit the head, in the turn in which the head becomes the state's: a collection
 *   that began between the two would take the new log position for the old map, and slots in use for dead.
 */
async function writeHead(
  state: DiskState,
  table: WrittenTable,
  changes: Partial<Head>,
  adopt: () => void,
): Promise<void> {
  const before = state.head;
  const { tableId, tableDigest, newChunks } = table;
  const { head, pin } = await state.headFile.write({ ...before, ...changes, tableId, tableDigest });
  state.head = head;
  state.pin = pin;
  adopt();
  state.unusedChunks.noteWritten(newChunks);
  await state.env.files
    .unlink(`${state.path(TABLES_NAME)}/${toHex(before.tableId)}`)
    .catch((error: unknown) =>
      state.env.log.warn({ reason: messageOf(error) }, 'an old segment table could not be removed'),
    );
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

/** Keeps a state under a snapshot's name: the same record as a checkpoint's table, which names the same chunks. */
async function writeRoot(state: DiskState, snapshotId: string, committed: Committed): Promise<void> {
  const { root, chunks } = committed;
  state.unusedChunks.noteRoot();
  try {
    const table = { ...state.tableFields(root, snapshotId, state.head.sequence), chunks };
    const bytes = concatCopies(encodeTable(table, state.keys));
    await replaceDurably(state.env.files, state.path(ROOTS_NAME), snapshotId, bytes);
  } catch (error) {
    throw ioError(`keeping snapshot ${snapshotId}`, error);
  }
}
