import { inspect } from 'node:util';

import { assert } from '../base/assert.ts';

const PLACEHOLDER = '[secret]';

/** Key material with an owner: zeroed on dispose, and nothing that prints or serialises it shows more than a placeholder. */
export class SecretBytes implements Disposable {
  #bytes: Uint8Array | undefined;

  /** @param bytes from now on belong to this object: the caller keeps no copy. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The bytes themselves, valid until disposal: use them at once, copy them nowhere. */
  reveal(): Uint8Array {
    assert(this.#bytes, 'a secret is not used after its disposal');
    return this.#bytes;
  }

  [Symbol.dispose](): void {
    this.#bytes?.fill(0);
    this.#bytes = undefined;
  }

  toString(): string {
    return PLACEHOLDER;
  }

  toJSON(): string {
    return PLACEHOLDER;
  }

  [inspect.custom](): string {
    return PLACEHOLDER;
  }
}
