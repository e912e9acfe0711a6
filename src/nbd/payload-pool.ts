import { KiB, MiB } from '../base/units.ts';

/** Below, a payload mostly lies in one received chunk and is not assembled at all. */
const SIZE_MIN = 64 * KiB;
const SIZE_MAX = 2 * MiB;
const KEPT_BYTES_MAX = 8 * MiB;

/**
 * Buffers in which the payloads of long writes are assembled, used again: fresh memory of this size costs a page fault
 * for every 4 KiB, which is more than the copy.
 */
export class PayloadPool {
  readonly #free = new Map<number, Buffer[]>();
  #keptBytes = 0;

  /** `length` bytes of unknown content. */
  take(length: number): Buffer {
    const size = sizeClass(length);
    if (size > SIZE_MAX) return Buffer.allocUnsafeSlow(length);
    const free = this.#free.get(size)?.pop();
    if (free === undefined) return Buffer.allocUnsafeSlow(size).subarray(0, length);
    this.#keptBytes -= size;
    return free.subarray(0, length);
  }

  /** Gives back what `take` answered, and nothing else; nobody may look at it any more. */
  giveBack(payload: Buffer): void {
    const size = payload.buffer.byteLength;
    if (size > SIZE_MAX || this.#keptBytes + size > KEPT_BYTES_MAX) return;
    const free = this.#free.get(size) ?? [];
    this.#free.set(size, free);
    free.push(Buffer.from(payload.buffer));
    this.#keptBytes += size;
  }
}

function sizeClass(length: number): number {
  return Math.max(SIZE_MIN, 2 ** Math.ceil(Math.log2(Math.max(1, length))));
}
