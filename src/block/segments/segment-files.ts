import type { Random } from '../../base/random.ts';
import type { FileSystem, OpenFile } from '../files/file-system.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { encodeSegmentHeader, headerDigest, SEGMENT_ID_SIZE_BYTES } from '../format/segment-format.ts';
import type { SegmentKind } from '../format/segment-format.ts';
import type { SegmentEntry } from '../format/table-format.ts';
import { concatCopies } from '../format/two-copies.ts';
import type { DiskKeys } from '../keys/disk-keys.ts';
import type { SegmentStore } from './segment-store.ts';
import type { SpareFiles } from './spare-files.ts';

/** A segment that was just made: its header is durable, its name is not. */
export interface FreshSegment {
  readonly entry: SegmentEntry;
  readonly file: OpenFile;
  readonly path: string;
  readonly headerRegion: Uint8Array;
}

/** Any other file in the segments' directory is none. */
export function isSegmentName(name: string): boolean {
  return /^[0-9a-f]{32}$/.test(name);
}

/** Makes the segments of one session: hands out numbers, writes headers. */
export class SegmentMaker {
  readonly session: Uint8Array;
  readonly store: SegmentStore;
  readonly files: FileSystem;
  readonly keys: DiskKeys;
  readonly #random: Random;
  readonly #spares: SpareFiles;
  readonly #diskId: string;
  #nextNumber: number;

  constructor(parts: {
    readonly files: FileSystem;
    readonly random: Random;
    readonly keys: DiskKeys;
    readonly store: SegmentStore;
    readonly spares: SpareFiles;
    readonly diskId: string;
    readonly session: Uint8Array;
    readonly nextNumber: number;
  }) {
    this.#spares = parts.spares;
    this.files = parts.files;
    this.#random = parts.random;
    this.keys = parts.keys;
    this.store = parts.store;
    this.#diskId = parts.diskId;
    this.session = parts.session;
    this.#nextNumber = parts.nextNumber;
  }

  /** No number from here on was handed out. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  newEpoch(): EpochRecord {
    return this.keys.newEpoch(this.#random);
  }

  /**
   * Every segment gets a number and an id that no other segment has, whether it is used in the end or not. Its header
   * is durable before a slot follows: a file with slots and without a header that verifies is damaged, never torn.
   */
  async make(kind: SegmentKind, epoch: EpochRecord, capacity: number): Promise<FreshSegment> {
    const number = this.#nextNumber++;
    const id = this.#random.bytes(SEGMENT_ID_SIZE_BYTES);
    const copy = encodeSegmentHeader(
      { kind, number, id, session: this.session, epoch, capacity, diskId: this.#diskId },
      this.keys,
    );
    const path = this.store.pathOf(id);
    const headerRegion = concatCopies(copy);
    const spare = kind === 'log' ? this.#spares.take() : undefined;
    // What the spare file held does not open at its new address.
    const file = await (spare === undefined ? this.files.create(path) : this.files.open(spare, 'write'));
    try {
      await file.write(headerRegion, 0);
      await file.sync();
      if (spare !== undefined) await this.files.rename(spare, path);
    } catch (error) {
      await file.close().catch(() => undefined);
      await this.files.unlink(spare ?? path).catch(() => undefined);
      throw error;
    }
    return { entry: { number, id, headerDigest: headerDigest(copy), epoch, slots: 0 }, file, path, headerRegion };
  }
}

/** Removes a segment that came to nothing. What cannot be removed is debris that the next open removes. */
export async function discardSegment(files: FileSystem, fresh: { readonly file: OpenFile; readonly path: string }) {
  await fresh.file.close().catch(() => undefined);
  await files.unlink(fresh.path).catch(() => undefined);
}
