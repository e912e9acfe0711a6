import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import type { Environment } from '../files/environment.ts';
import type { OpenFile } from '../files/file-system.ts';
import { ioError } from '../files/io-errors.ts';
import { encodeDenseIndex, denseOffset } from '../format/dense-format.ts';
import { SEALING_SUFFIX } from '../format/file-names.ts';
import type { EpochRecord } from '../format/key-records.ts';
import type { SegmentEntry } from '../format/segment-entries.ts';
import {
  decodeSegmentHeader,
  encodeSegmentHeader,
  headerDigest,
  SEGMENT_HEADER_REGION_BYTES,
  SEGMENT_ID_SIZE_BYTES,
} from '../format/segment-format.ts';
import { openSlot, sealSlot, SLOT_MAP, SLOT_SIZE_BYTES, slotOffset } from '../format/slot-format.ts';
import { concatCopies, decodeCopies } from '../format/two-copies.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import { readHeaderRegion } from '../segments/header-region.ts';
import type { SegmentFile } from '../segments/segment-file.ts';

/** Slots that are read, sealed and written at once: about 4 ms of the main thread with AES. */
const RUN_SLOTS = 62;
/** Dirty bytes are handed to the device in pieces, so that a flush of a client never waits for a whole file. */
const SYNC_EVERY_SLOTS = 2_032;

/**
 * Writes the slots of a segment into a file of its own: the same number, the same addresses, another id, another epoch, in
 * the layout that the old file has. A slot that does not open stays one that does not open, and is named in the log.
 *
 * @param parts.source the old file, with at least `entry.slots` slots that a state may name.
 * @param parts.pathOf where a segment with this id goes. The file is durable when this resolves, under that name with
 *   `.sealing` behind it; the name is not durable.
 * @param parts.done is awaited after each piece with the bytes that were read.
 * @throws {SystemError} kind `no-space` or `unavailable`; what `done` throws. Nothing is left behind then.
 */
export async function resealSegment(
  env: Environment,
  keys: DiskKeys,
  parts: {
    readonly entry: SegmentEntry;
    readonly source: SegmentFile;
    readonly epoch: EpochRecord;
    readonly session: Uint8Array;
    readonly diskId: string;
    readonly capacity: number;
    readonly pathOf: (id: Uint8Array) => string;
    readonly done: (bytes: number) => Promise<void>;
  },
): Promise<SegmentEntry> {
  const { entry, source, epoch, pathOf } = parts;
  const id = env.random.bytes(SEGMENT_ID_SIZE_BYTES);
  const path = `${pathOf(id)}${SEALING_SUFFIX}`;
  let file: OpenFile | undefined;
  try {
    const { stored, dense } = await source.contents();
    const header = await readHeader(env, keys, source.path);
    const runs = [...(dense?.slots.runs(RUN_SLOTS) ?? runsUpTo(Math.min(stored, entry.slots)))];
    const kind = header?.kind ?? ((await isMap(keys, entry, source, runs[0]?.first ?? 0)) ? 'map' : 'log');
    const copy = encodeSegmentHeader(
      {
        kind,
        number: entry.number,
        id,
        session: header?.session ?? parts.session,
        epoch,
        capacity: header?.capacity ?? parts.capacity,
        diskId: parts.diskId,
      },
      keys,
    );
    file = await env.files.create(path);
    await file.write(concatCopies(copy), 0);
    if (dense !== undefined) await file.write(encodeDenseIndex(dense.slots), SEGMENT_HEADER_REGION_BYTES);
    let place = 0;
    let synced = 0;
    for (const { first: slot, count } of runs) {
      const buffer = new Uint8Array(count * SLOT_SIZE_BYTES);
      await source.read(slot, buffer);
      resealRun(env, keys, entry, epoch, slot, buffer);
      await file.write(buffer, dense === undefined ? slotOffset(slot) : denseOffset(place));
      place += count;
      if (place - synced >= SYNC_EVERY_SLOTS) {
        synced = place;
        await file.sync();
      }
      await parts.done(buffer.length);
    }
    await file.sync();
    await file.close();
    return { number: entry.number, id, headerDigest: headerDigest(copy), epoch, slots: entry.slots };
  } catch (error) {
    await file?.close().catch(() => undefined);
    if (file !== undefined) await env.files.unlink(path).catch(() => undefined);
    throw ioError(`sealing segment ${entry.number} anew`, error);
  }
}

/** In place. */
function resealRun(
  env: Environment,
  keys: DiskKeys,
  entry: SegmentEntry,
  epoch: EpochRecord,
  firstSlot: number,
  buffer: Uint8Array,
): void {
  const before = keys.aead(entry.epoch);
  const after = keys.aead(epoch);
  const body = new Uint8Array(BLOCK_SIZE_BYTES);
  for (let i = 0; i * SLOT_SIZE_BYTES < buffer.length; i++) {
    const sealed = buffer.subarray(i * SLOT_SIZE_BYTES, (i + 1) * SLOT_SIZE_BYTES);
    const meta = openSlot(before, entry.number, firstSlot + i, sealed, body);
    if (meta !== undefined) {
      sealSlot(after, entry.number, firstSlot + i, meta, body, sealed);
      continue;
    }
    sealed.fill(0);
    env.log.error(
      { segment: entry.number, slot: firstSlot + i },
      'a slot does not open and could not be sealed anew; it stays damaged',
    );
  }
}

async function isMap(keys: DiskKeys, entry: SegmentEntry, source: SegmentFile, slot: number): Promise<boolean> {
  const sealed = new Uint8Array(SLOT_SIZE_BYTES);
  await source.read(slot, sealed);
  const meta = openSlot(keys.aead(entry.epoch), entry.number, slot, sealed, new Uint8Array(BLOCK_SIZE_BYTES));
  return meta?.type === SLOT_MAP;
}

/** Undefined for one that is damaged, or of the disk that this one was cloned from. */
async function readHeader(env: Environment, keys: DiskKeys, path: string) {
  const region = await readHeaderRegion(env.files, path);
  const copies = decodeCopies(region, (copy) => decodeSegmentHeader(copy, keys));
  return copies.first ?? copies.second;
}

function* runsUpTo(slots: number): Generator<{ readonly first: number; readonly count: number }> {
  for (let first = 0; first < slots; first += RUN_SLOTS) yield { first, count: Math.min(RUN_SLOTS, slots - first) };
}
