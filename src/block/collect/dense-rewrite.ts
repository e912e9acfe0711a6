import { osCode } from '../files/file-system.ts';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import { ioError } from '../files/io-errors.ts';
import { denseOffset, encodeDenseIndex } from '../format/dense-format.ts';
import { DENSE_SUFFIX } from '../format/file-names.ts';
import { SEGMENT_HEADER_REGION_BYTES } from '../format/segment-format.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';
import type { SlotSet } from '../format/slot-set.ts';
import { readHeaderRegion } from '../segments/header-region.ts';
import type { SegmentFile } from '../segments/segment-file.ts';
import type { Background } from './background.ts';

/** Slots that are read at once: about 1 MiB, the dead ones between them included. */
const WINDOW_SLOTS = 256;
const WINDOW_BYTES = WINDOW_SLOTS * SLOT_SIZE_BYTES;
/** Dirty bytes are handed to the device in pieces, so that a flush of a client never waits for a whole file. */
const SYNC_EVERY_BYTES = 8 * 1024 * 1024;

/** A dense file that is durable and has its segment's name with `.dense` behind it. */
export interface Rewritten {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Writes those slots of a segment that are in `slots` into a dense file, as they are: no slot is opened, no key is needed.
 * @throws {SystemError} kind `no-space` or `unavailable`. Kind `conflict`: told to end. Nothing is left behind then.
 */
export async function writeDense(
  files: FileSystem,
  source: SegmentFile,
  slots: SlotSet,
  background: Background,
): Promise<Rewritten> {
  const path = `${source.path}${DENSE_SUFFIX}`;
  let file: OpenFile | undefined;
  try {
    file = await createAnew(files, path);
    await file.write(await readHeaderRegion(files, source.path), 0);
    await file.write(encodeDenseIndex(slots), SEGMENT_HEADER_REGION_BYTES);
    await copySlots(file, source, slots, background);
    await file.sync();
    await file.close();
    return { path, sizeBytes: denseOffset(slots.count) };
  } catch (error) {
    await file?.close().catch(() => undefined);
    await files.unlink(path).catch(() => undefined);
    throw ioError('writing a dense segment', error);
  }
}

/** What an earlier attempt could not remove is in the way. */
async function createAnew(files: FileSystem, path: string): Promise<OpenFile> {
  try {
    return await files.create(path);
  } catch (error) {
    if (osCode(error) !== 'EEXIST') throw error;
    await files.unlink(path);
    return files.create(path);
  }
}

/** Reads windows of the old file and writes what is left of them; the next is read while one is being written. */
async function copySlots(file: OpenFile, source: SegmentFile, slots: SlotSet, background: Background): Promise<void> {
  const windows = [new Uint8Array(WINDOW_BYTES), new Uint8Array(WINDOW_BYTES)] as const;
  let writing: Promise<void> = Promise.resolve();
  let written = 0;
  let synced = 0;
  try {
    for (let first = slots.next(0), turn = 0; first !== undefined; turn += 1) {
      const window = windows[turn % 2 === 0 ? 0 : 1];
      const end = (slots.last(first + WINDOW_SLOTS) ?? first) + 1;
      await source.read(first, window.subarray(0, (end - first) * SLOT_SIZE_BYTES));
      const count = pack(window, first, end, slots);
      await writing;
      writing = file.write(window.subarray(0, count * SLOT_SIZE_BYTES), denseOffset(written));
      writing.catch(() => undefined);
      written += count;
      if ((written - synced) * SLOT_SIZE_BYTES >= SYNC_EVERY_BYTES) {
        synced = written;
        await writing;
        await file.sync();
      }
      first = slots.next(end);
      const rest = background.step(count);
      if (rest !== undefined) await rest;
    }
  } finally {
    await writing;
  }
}

/** Moves the slots that stay to the front of the window, in order, and answers how many those are. */
function pack(window: Uint8Array, first: number, end: number, slots: SlotSet): number {
  let count = 0;
  for (let slot = first; slot < end; slot++) {
    if (!slots.has(slot)) continue;
    const at = (slot - first) * SLOT_SIZE_BYTES;
    if (slot - first !== count) window.copyWithin(count * SLOT_SIZE_BYTES, at, at + SLOT_SIZE_BYTES);
    count += 1;
  }
  return count;
}
