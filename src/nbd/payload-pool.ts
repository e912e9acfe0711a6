import { KiB, MiB } from '../base/units.ts';

const SIZE_MIN = 4 * KiB;
const SIZE_MAX = 2 * MiB;
/** Of one size, so that long writes leave room for short ones: 8 of 1 MiB, or 2,048 of 4 KiB. */
const KEPT_BYTES_MAX = 8 * MiB;

/**
 * Buffers for the payloads of writes, used again: fresh memory costs a page fault for every 4 KiB, which is more than
 * the copy, and what is allocated must be collected.
 */
export class PayloadPool {
  readonly #free = new Map<number, Buffer[]>();

  /** `length` bytes of unknown content. */
  take(length: number): Buffer {
    const size = sizeClass(length);
    if (size > SIZE_MAX) return Buffer.allocUnsafeSlow(length);
    const buffer = this.#free.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size);
    return length === size ? buffer : buffer.subarray(0, length);
  }

  /** Gives back what `take` answered, and nothing else; nobody may look at it any more. */
  giveBack(payload: Buffer): void {
    const size = payload.buffer.byteLength;
    if (size > SIZE_MAX) return;
    let free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, (free = []));
    if ((free.length + 1) * size <= KEPT_BYTES_MAX)
      free.push(payload.length === size ? payload : Buffer.from(payload.buffer));
  }
}

function sizeClass(length: number): number {
  return length <= SIZE_MIN ? SIZE_MIN : 2 ** (32 - Math.clz32(length - 1));
}
