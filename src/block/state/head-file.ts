import { SystemError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { osCode } from '../files/file-system.ts';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import { corrupt, ioError } from '../files/io-errors.ts';
import { decodeHead, encodeHead, HEAD_COPIES, HEAD_SIZE_BYTES, pinOf } from '../format/head-format.ts';
import type { Head } from '../format/head-format.ts';
import type { Pin } from '../format/pin.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';

/**
 * The head's file: two places for the same record, written one after the other and each made durable before the next,
 * so that one of them is whole at every moment and both are equal whenever nothing is being written.
 */
export class HeadFile {
  readonly #file: OpenFile;
  readonly #keys: DiskKeys;
  /** The place to write first: the one that is not known to hold the newest head. */
  #weaker: number;
  /** Of the newest head that may have reached the disk; never used again. */
  #sequence: number;
  /** What was read, and where; gone once it was written again. */
  #unsettled: { readonly copy: Uint8Array; readonly place: number } | undefined;

  private constructor(file: OpenFile, keys: DiskKeys, found: { place: number; copy: Uint8Array; sequence: number }) {
    this.#file = file;
    this.#keys = keys;
    this.#weaker = 1 - found.place;
    this.#unsettled = found;
    this.#sequence = found.sequence;
  }

  /**
   * Reads the newest head. `needsRepair`: the places differ, so that the newest head may be in memory only; call
   * `settle` before relying on it.
   * @throws {SystemError} kind `corrupt`: no such file, or no place verifies, which is also what a wrong data key looks like.
   */
  static async open(
    files: FileSystem,
    path: string,
    keys: DiskKeys,
    log: Logger,
  ): Promise<{ readonly headFile: HeadFile; readonly head: Head; readonly pin: Pin; readonly needsRepair: boolean }> {
    const file = await files.open(path, 'write').catch((error: unknown) => {
      if (osCode(error) === 'ENOENT') throw corrupt('FILE_MISSING', `${path} is missing; restore it from a backup`);
      throw ioError('opening the head', error);
    });
    try {
      const both = new Uint8Array(HEAD_COPIES * HEAD_SIZE_BYTES);
      await file.read(both, 0);
      const copies = [both.subarray(0, HEAD_SIZE_BYTES), both.subarray(HEAD_SIZE_BYTES)] as const;
      const heads = copies.map((copy) => decodeHead(copy, keys));
      const newest = (heads[1]?.sequence ?? -1) > (heads[0]?.sequence ?? -1) ? 1 : 0;
      const head = heads[newest];
      if (head === undefined && copies.some((copy) => keys.isAuthentic('head', copy)))
        throw new SystemError(
          'conflict',
          'FORMAT_UNKNOWN',
          `${path} was written by a newer version of Sealdisk; run that one`,
        );
      if (head === undefined)
        throw corrupt('HEAD_CORRUPT', 'no copy of the head is authentic under this data key; restore it from a backup');
      for (const [place, other] of heads.entries())
        if (other === undefined) log.error({ file: path, copy: place }, 'a copy of the head failed verification');
      keys.openOlder(head.olderKeys);
      const needsRepair = Buffer.compare(copies[0], copies[1]) !== 0;
      const copy = copies[newest];
      const headFile = new HeadFile(file, keys, { place: newest, copy: copy.slice(), sequence: head.sequence });
      return { headFile, head, pin: pinOf(head.sequence, copy), needsRepair };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Gives `head` the next sequence number and makes it durable in both places. When this fails, either head may be
   * what the next open finds: nothing that either of them names may be removed.
   * @param keys of the head, where it brings another data key.
   */
  async write(
    head: Omit<Head, 'sequence'>,
    keys: DiskKeys = this.#keys,
  ): Promise<{ readonly head: Head; readonly pin: Pin }> {
    await this.settle();
    this.#sequence += 1;
    const numbered: Head = { ...head, sequence: this.#sequence };
    const copy = encodeHead(numbered, keys);
    await this.#writeWeakerPlace(copy);
    await this.#writeWeakerPlace(copy);
    return { head: numbered, pin: pinOf(numbered.sequence, copy) };
  }

  /**
   * Makes the head that was read durable in both places, the place it was read from first. Until then a place may be
   * right in memory only, which after a failed sync of the process before us the system takes for written: overwriting
   * the other place would put the only good one at risk.
   */
  async settle(): Promise<void> {
    if (this.#unsettled === undefined) return;
    const { copy, place } = this.#unsettled;
    this.#weaker = place;
    await this.#writeWeakerPlace(copy);
    await this.#writeWeakerPlace(copy);
    this.#unsettled = undefined;
  }

  async #writeWeakerPlace(copy: Uint8Array): Promise<void> {
    const place = this.#weaker;
    try {
      await this.#file.write(copy, place * HEAD_SIZE_BYTES);
      await this.#file.sync();
    } catch (error) {
      throw ioError('writing the head', error);
    }
    this.#weaker = 1 - place;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
