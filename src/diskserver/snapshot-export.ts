import { SystemError } from '../base/errors.ts';
import { MiB } from '../base/units.ts';
import type { SnapshotView } from '../block/disk.ts';
import type { Bitmaps, BlockExtent, Export } from '../nbd/export.ts';

/** A snapshot that is open for reading, in the shape that the NBD server serves. */
export class SnapshotExport implements Export {
  readonly sizeBytes: number;
  readonly readOnly = true;
  readonly description: string;
  readonly blockSize = { minimum: 1, preferred: 4096, maximum: 32 * MiB } as const;
  /** What differs from the base, where there is one, under the base's id. */
  readonly bitmaps?: Bitmaps;
  readonly #view: SnapshotView;

  constructor(
    view: SnapshotView,
    snapshotId: string,
    base: { readonly snapshotId: string; readonly view: SnapshotView } | undefined,
  ) {
    this.#view = view;
    this.sizeBytes = view.sizeBytes;
    this.description = snapshotId;
    if (base === undefined) return;
    this.bitmaps = {
      list: () => [base.snapshotId],
      status: async (name, offset, length) => {
        if (name !== base.snapshotId)
          throw new SystemError('not-found', 'BITMAP_NOT_FOUND', `there is no bitmap ${name}`);
        return view.changedSince(base.view, offset, length);
      },
    };
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#view.read(offset, length);
  }

  write(): Promise<void> {
    return refuse();
  }

  trim(): Promise<void> {
    return refuse();
  }

  zero(): Promise<void> {
    return refuse();
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  blockStatus(offset: number, length: number): Promise<readonly BlockExtent[]> {
    return this.#view.blockStatus(offset, length);
  }
}

function refuse(): Promise<never> {
  return Promise.reject(new SystemError('denied', 'READ_ONLY', 'a snapshot never changes'));
}
