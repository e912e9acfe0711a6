import { KiB } from '../base/units.ts';

/** More than the replies of one turn mostly have, and than any one that is encoded. */
const SLAB_BYTES = 256 * KiB;
const SLABS_KEPT = 32;

/** Buffers of one size in which replies are put together, for all connections of a server. */
export class SlabPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
  }

  giveBack(slab: Buffer): void {
    if (this.#free.length < SLABS_KEPT) this.#free.push(slab);
  }
}
