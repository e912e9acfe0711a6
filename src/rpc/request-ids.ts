import type { Random } from '../base/random.ts';
import { randomUuid } from '../base/random.ts';

const UUID_BYTES = 16;
/** So many ids are drawn at once: asking the kernel for each would be a tenth of a small request. */
const DRAWN_AT_ONCE = 256;

/** Ids of requests, UUIDs in lower case. They tell requests apart and are no secret, so they may be drawn beforehand. */
export class RequestIds {
  readonly #random: Random;
  #drawn = new Uint8Array(0);
  #used = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): string {
    if (this.#used === this.#drawn.length) {
      this.#drawn = Uint8Array.from(this.#random.bytes(UUID_BYTES * DRAWN_AT_ONCE));
      this.#used = 0;
    }
    const bytes = this.#drawn.subarray(this.#used, this.#used + UUID_BYTES);
    this.#used += UUID_BYTES;
    return randomUuid({ bytes: () => bytes });
  }
}
