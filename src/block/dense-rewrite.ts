import type { Background } from './background.ts';
import { encodeDenseIndex } from './dense-format.ts';
import { denseOffset } from './dense-format.ts';
import type { FileSystem, OpenFile } from './file-system.ts';
import { ioError } from './io-errors.ts';
import type { SegmentFile } from './segment-file.ts';
import { SEGMENT_HEADER_REGION_BYTES } from './segment-format.ts';
import { SLOT_SIZE_BYTES } from './slot-format.ts';
import type { SlotSet } from './slot-set.ts';

export const DENSE_SUFFIX = '.dense';
/** Slots that are read at once: as many as one write takes without another thread. */
const RUN_SLOTS_MAX = 62;
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
  await files.unlink(path).catch(() => undefined);
  let file: OpenFile | undefined;
  try {
    file = await files.create(path);
    await file.write(await readHeader(files, source.path), 0);
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

async function readHeader(files: FileSystem, path: string): Promise<Uint8Array> {
  const region = new Uint8Array(SEGMENT_HEADER_REGION_BYTES);
  const file = await files.open(path, 'read');
  try {
    await file.read(region, 0);
  } finally {
    await file.close();
  }
  return region;
}

async function copySlots(file: OpenFile, source: SegmentFile, slots: SlotSet, background: Background): Promise<void> {
  const buffer = new Uint8Array(RUN_SLOTS_MAX * SLOT_SIZE_BYTES);
  let filled = 0;
  let written = 0;
  let synced = 0;
  const writeOut = async (): Promise<void> => {
    await file.write(buffer.subarray(0, filled * SLOT_SIZE_BYTES), denseOffset(written));
    written += filled;
    filled = 0;
    if ((written - synced) * SLOT_SIZE_BYTES >= SYNC_EVERY_BYTES) {
      synced = written;
      await file.sync();
    }
  };
  for (const { first, count } of slots.runs(RUN_SLOTS_MAX)) {
    if (filled + count > RUN_SLOTS_MAX) await writeOut();
    const target = buffer.subarray(filled * SLOT_SIZE_BYTES, (filled + count) * SLOT_SIZE_BYTES);
    const cached = source.readCached(first, count);
    if (cached === undefined) await source.read(first, target);
    else target.set(cached.subarray(0, target.length));
    filled += count;
    const rest = background.step();
    if (rest !== undefined) await rest;
  }
  if (filled > 0) await writeOut();
}
