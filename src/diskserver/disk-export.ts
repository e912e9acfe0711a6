import type { Disk } from '../block/disk.ts';
import { MiB } from '../base/units.ts';
import type { Bitmaps, BlockExtent, Export } from '../nbd/export.ts';

/** An open disk in the shape that the NBD server serves: one for each connection, which sees the size that it had then. */
export class DiskExport implements Export {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly description: string;
  // Any offset and length is served; 4096 is what costs no read before the write.
  readonly blockSize = { minimum: 1, preferred: 4096, maximum: 32 * MiB } as const;
  /** One for each snapshot of the disk, under its id: what was written or trimmed since. */
  readonly bitmaps: Bitmaps;
  readonly #disk: Disk;

  constructor(disk: Disk, diskId: string, readOnly: boolean) {
    this.#disk = disk;
    this.sizeBytes = disk.sizeBytes;
    this.readOnly = readOnly;
    this.description = diskId;
    this.bitmaps = {
      list: () => disk.snapshotIds,
      status: (snapshotId, offset, length) => disk.changedSince(snapshotId, offset, length),
    };
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#disk.read(offset, length);
  }

  readCached(offset: number, out: Uint8Array): boolean {
    return this.#disk.readCached(offset, out);
  }

  write(offset: number, data: Uint8Array, options: { readonly fua: boolean }): Promise<void> {
    return this.#disk.write(offset, data, options);
  }

  trim(offset: number, length: number, options: { readonly fua: boolean }): Promise<void> {
    return this.#disk.trim(offset, length, options);
  }

  zero(offset: number, length: number, options: { readonly fua: boolean; readonly noHole: boolean }): Promise<void> {
    return this.#disk.zero(offset, length, options);
  }

  flush(): Promise<void> {
    return this.#disk.flush();
  }

  blockStatus(offset: number, length: number): Promise<readonly BlockExtent[]> {
    return this.#disk.blockStatus(offset, length);
  }
}
