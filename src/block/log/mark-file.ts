import { messageOf } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import { isBefore } from '../format/address.ts';
import type { LogPosition } from '../format/address.ts';
import { equalBytes } from '../format/fixed-bytes.ts';
import { decodeMark, encodeMark, MARK_SIZE_BYTES } from '../format/mark-format.ts';
import { concatCopies } from '../format/two-copies.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';

/**
 * Written after each flush and before it is answered, never synced: after the end of the process it says exactly how
 * far the log was durable, after power loss it is a lower bound. Recovery refuses a log that ends before it.
 */
export class MarkFile {
  readonly #keys: DiskKeys;
  readonly #session: Uint8Array;
  readonly #log: Logger;
  #file: OpenFile | undefined;
  #place = 0;

  private constructor(file: OpenFile, keys: DiskKeys, session: Uint8Array, log: Logger) {
    this.#file = file;
    this.#keys = keys;
    this.#session = session;
    this.#log = log;
  }

  static async start(
    files: FileSystem,
    path: string,
    parts: { readonly keys: DiskKeys; readonly session: Uint8Array; readonly log: Logger },
  ): Promise<MarkFile> {
    await files.unlink(path).catch(() => undefined);
    const file = await files.create(path);
    try {
      const copy = encodeMark({ session: parts.session, durable: { segment: 0, slot: 0 } }, parts.keys);
      await file.write(concatCopies(copy), 0);
    } catch (error) {
      await file.close().catch(() => undefined);
      throw error;
    }
    return new MarkFile(file, parts.keys, parts.session, parts.log);
  }

  /** A failure costs only evidence, so it is logged and no more. The two places take turns: one is always whole. */
  async record(durable: LogPosition): Promise<void> {
    this.#place = 1 - this.#place;
    const copy = encodeMark({ session: this.#session, durable }, this.#keys);
    try {
      await this.#file?.write(copy, this.#place * MARK_SIZE_BYTES);
    } catch (error) {
      this.#log.warn({ reason: messageOf(error) }, 'the flush mark could not be written');
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** How far the session's log was durable by its mark; undefined when the mark says nothing about this session. */
export async function readMark(
  files: FileSystem,
  path: string,
  keys: DiskKeys,
  session: Uint8Array,
  log: Logger,
): Promise<LogPosition | undefined> {
  if ((await files.stat(path)) === undefined) return undefined;
  const file = await files.open(path, 'read');
  try {
    const both = new Uint8Array(2 * MARK_SIZE_BYTES);
    await file.read(both, 0);
    let latest: LogPosition | undefined;
    for (const at of [0, MARK_SIZE_BYTES]) {
      const copy = both.subarray(at, at + MARK_SIZE_BYTES);
      const mark = decodeMark(copy, keys);
      if (mark === undefined) reportLostMark(log, path, at / MARK_SIZE_BYTES, copy);
      if (mark === undefined || !equalBytes(mark.session, session)) continue;
      if (latest === undefined || isBefore(latest, mark.durable)) latest = mark.durable;
    }
    return latest;
  } finally {
    await file.close();
  }
}

/** Zeroes are what power loss leaves of a mark; other bytes are damage, or a write that was torn. */
function reportLostMark(log: Logger, file: string, copy: number, bytes: Uint8Array): void {
  if (bytes.every((byte) => byte === 0)) log.warn({ file, copy }, 'a copy of the flush mark is empty');
  else log.error({ file, copy }, 'a copy of the flush mark failed verification');
}
