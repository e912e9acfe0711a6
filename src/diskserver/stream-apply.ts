import { SystemError } from '../base/errors.ts';
import { BLOCK_SIZE_BYTES } from '../base/units.ts';
import type { Disk } from '../block/disk.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { STREAM_HEADER_BYTES } from '../stream/stream-header.ts';
import { StreamReader } from '../stream/stream-reader.ts';
import type { StreamChange } from '../stream/stream-records.ts';
import type { Spool } from './spool.ts';

export interface ReadingStream {
  readonly ciphers: CipherBackend;
  readonly spool: Spool;
  readonly streamKey: Uint8Array;
  /** Told how many bytes of the stream are through. */
  readonly onProgress: (doneBytes: number) => void;
  /** Between two chunks: a reason to stop is thrown. */
  readonly signal: AbortSignal;
}

/**
 * Reads the whole stream and looks at all of it. Nothing is believed before this has resolved.
 * @throws {SystemError} kind `corrupt`: something in it is not as it was sent; `denied`: the key is not its own.
 */
export function verifyStream(reading: ReadingStream): Promise<void> {
  return readStream(reading, () => Promise.resolve());
}

/** Carries out on `disk` what the stream says. May be repeated from the start: the end is the same. */
export function applyStream(reading: ReadingStream, disk: Disk): Promise<void> {
  return readStream(reading, async (change) => {
    const offset = change.block * BLOCK_SIZE_BYTES;
    if (change.kind === 'data') return disk.write(offset, change.data, { fua: false });
    const length = change.blocks * BLOCK_SIZE_BYTES;
    if (change.kind === 'hole') return disk.trim(offset, length, { fua: false });
    return disk.zero(offset, length, { fua: false, noHole: true });
  });
}

/** @throws {SystemError} kind `conflict`, code `NOT_AT_BASE`: the disk was changed since its snapshot `snapshotId`. */
export async function refuseUnlessAt(disk: Disk, snapshotId: string): Promise<void> {
  for (let at = 0; at < disk.sizeBytes;) {
    for (const { lengthBytes, dirty } of await disk.changedSince(snapshotId, at, disk.sizeBytes - at)) {
      if (dirty)
        throw new SystemError(
          'conflict',
          'NOT_AT_BASE',
          `the disk was written to since snapshot ${snapshotId}, which the stream goes on from`,
        );
      at += lengthBytes;
    }
  }
}

/** Changes of one chunk are carried out together; the next chunk comes when all of them are through. */
async function readStream(
  { ciphers, spool, streamKey, onProgress, signal }: ReadingStream,
  carryOut: (change: StreamChange) => Promise<void>,
): Promise<void> {
  using reader = new StreamReader(ciphers, await spool.read(0, STREAM_HEADER_BYTES), streamKey);
  for (let place = reader.nextPlace; place !== undefined; place = reader.nextPlace) {
    signal.throwIfAborted();
    const sealed = await spool.read(place.at, place.lengthBytes);
    // Changes of a stream never overlap, so that their order does not matter.
    const results = await Promise.allSettled(Array.from(reader.push(sealed), carryOut));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    onProgress(place.at + place.lengthBytes);
    await new Promise((resolve) => setImmediate(resolve));
  }
  reader.finish();
}
