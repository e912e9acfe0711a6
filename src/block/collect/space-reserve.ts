import { SystemError } from '../../base/errors.ts';
import { MiB } from '../../base/units.ts';
import type { FileSystem } from '../files/file-system.ts';
import { SLOT_SIZE_BYTES } from '../format/slot-format.ts';

/** Room for a trim, a checkpoint and four files that are being rewritten; of a small store a sixteenth. */
const RESERVE_BYTES = 256 * MiB;
const RESERVE_SHARE = 1 / 16;
/** How much may be written between two looks, at most; no more than a part of the reserve. */
const LOOK_EVERY_BYTES = 16 * MiB;
const LOOKS_A_RESERVE = 4;

/**
 * Keeps the last bytes of a store for what brings space back: blocks are refused before it is full, so that trims,
 * flushes, checkpoints and collections always find some. Where the file system does not tell, there is no reserve.
 */
export class SpaceReserve {
  readonly #files: FileSystem;
  readonly #directory: string;
  #looked = -Infinity;
  #lookEveryBytes = LOOK_EVERY_BYTES;
  #isShort = false;

  constructor(files: FileSystem, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  /** Whether it was, at the last look. */
  get isShort(): boolean {
    return this.#isShort;
  }

  /** True when a block must not be written without a look. @param slots of the log by now. */
  isDue(slots: number): boolean {
    return this.#isShort || (slots - this.#looked) * SLOT_SIZE_BYTES >= this.#lookEveryBytes;
  }

  /** @throws {SystemError} kind `no-space`: only the reserve is left. */
  async refuseIfShort(slots: number): Promise<void> {
    if (!this.isDue(slots)) return;
    this.#looked = slots;
    const { isShort, reserveBytes } = await lookAt(this.#files, this.#directory);
    this.#isShort = isShort;
    this.#lookEveryBytes = Math.min(LOOK_EVERY_BYTES, Math.ceil(reserveBytes / LOOKS_A_RESERVE));
    if (isShort) throw storeIsShort();
  }
}

/** Whether only the reserve is left where `directory` lies. */
export async function isStoreShort(files: FileSystem, directory: string): Promise<boolean> {
  return (await lookAt(files, directory)).isShort;
}

export function storeIsShort(): SystemError {
  return new SystemError('no-space', 'NO_SPACE', 'the store is full up to its reserve; free some and try again');
}

async function lookAt(files: FileSystem, directory: string) {
  const space = await files.space?.(directory);
  if (space === undefined) return { isShort: false, reserveBytes: RESERVE_BYTES };
  const reserveBytes = Math.min(RESERVE_BYTES, Math.floor(space.totalBytes * RESERVE_SHARE));
  return { isShort: space.freeBytes < reserveBytes, reserveBytes };
}
