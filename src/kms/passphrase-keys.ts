import { Mutex } from '../base/mutex.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { SCRYPT_COST, scryptKey } from '../crypto/kdf.ts';
import type { ScryptCost } from '../crypto/kdf.ts';
import { SealedBytes } from './sealed-bytes.ts';

/** Long enough that guessing is hopeless at a third of a second each, short enough for people. */
export const PASSPHRASE_SIZE_BYTES_MIN = 12;

/** A secret under a passphrase, with what is needed to ask for it again. docs/formats/root-key.md, "Sealed bytes". */
export interface UnderPassphrase {
  readonly cost: ScryptCost;
  /** 32 bytes. */
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
}

/** Wraps secrets for another installation, with which nothing but a passphrase is shared. */
export class PassphraseKeys {
  readonly #ciphers: CipherBackend;
  readonly #random: Random;
  readonly #cost: ScryptCost;
  /** scrypt is made to take memory: one at a time, whoever asks. */
  readonly #turn = new Mutex();

  /** @param cost only tests choose a lower one. */
  constructor(ciphers: CipherBackend, random: Random, cost: ScryptCost = SCRYPT_COST) {
    this.#ciphers = ciphers;
    this.#random = random;
    this.#cost = cost;
  }

  async seal(passphrase: Uint8Array, context: string, secret: Uint8Array): Promise<UnderPassphrase> {
    const salt = this.#random.bytes(32);
    const key = await this.#turn.run(() => scryptKey(passphrase, salt, this.#cost));
    try {
      return {
        cost: this.#cost,
        salt,
        sealed: new SealedBytes(this.#ciphers, this.#random, key).seal(context, secret),
      };
    } finally {
      key.fill(0);
    }
  }

  /**
   * @param wrapped its cost is within the bounds of `scryptKey`.
   * @throws {SystemError} kind `corrupt`: another passphrase, or changed bytes.
   */
  async open(passphrase: Uint8Array, context: string, { cost, salt, sealed }: UnderPassphrase): Promise<Uint8Array> {
    const key = await this.#turn.run(() => scryptKey(passphrase, salt, cost));
    try {
      return new SealedBytes(this.#ciphers, this.#random, key).open(context, sealed);
    } finally {
      key.fill(0);
    }
  }
}
