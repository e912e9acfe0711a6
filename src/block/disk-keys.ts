import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from '../crypto/aead.ts';
import type { Aead, CipherBackend, Suite } from '../crypto/aead.ts';
import { hkdfSha256, hmacSha256 } from '../crypto/kdf.ts';
import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import type { DataKey } from './environment.ts';
import { corrupt } from './io-errors.ts';
import { equalBytes, toHex } from './fixed-bytes.ts';

export const MAC_SIZE_BYTES = 32;
export const EPOCH_ID_SIZE_BYTES = 16;
const EPOCH_SECRET_SIZE_BYTES = 32;
export const WRAPPED_EPOCH_SIZE_BYTES = EPOCH_SECRET_SIZE_BYTES + TAG_SIZE_BYTES;

const DATA_KEY_SIZE_BYTES = 32;
/** A handle takes about 2 KB of locked memory: 1,000 disks stay below 128 MB. */
const AEADS_MAX = 64;
const NO_BYTES = new Uint8Array(0);
const ZERO_NONCE = new Uint8Array(NONCE_SIZE_BYTES);

/** An epoch's secret as it is stored: wrapped under the data key. Who has the data key has the epoch. */
export interface EpochRecord {
  readonly id: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** What a MAC is about; each purpose has a key of its own, so that no record passes for one of another kind. */
export type MacPurpose = 'head' | 'segment-header' | 'table' | 'mark';

/**
 * Every key of one open disk, derived from its data key (docs/formats/keys.md).
 * The data key itself is not kept: after construction the caller may wipe it.
 */
export class DiskKeys implements Disposable {
  readonly suite: Suite;
  readonly #cipher: CipherBackend;
  readonly #macKeys = new Map<MacPurpose, Uint8Array>();
  readonly #wrapRoot: Uint8Array;
  /** In order of their making. By record, since that is what every caller has at hand; twins only cost a handle. */
  readonly #aeads = new Map<EpochRecord, Aead>();

  constructor(cipher: CipherBackend, dataKey: DataKey) {
    assert(dataKey.key.length === DATA_KEY_SIZE_BYTES, 'a data key has 32 bytes');
    this.suite = dataKey.suite;
    this.#cipher = cipher;
    for (const purpose of ['head', 'segment-header', 'table', 'mark'] as const)
      this.#macKeys.set(purpose, hkdfSha256(dataKey.key, NO_BYTES, `sealdisk/v1/${purpose}`, MAC_SIZE_BYTES));
    this.#wrapRoot = hkdfSha256(dataKey.key, NO_BYTES, 'sealdisk/v1/epoch-wrap-root', 32);
  }

  /** HMAC-SHA-256, 32 bytes. */
  mac(purpose: MacPurpose, bytes: Uint8Array): Uint8Array {
    const key = this.#macKeys.get(purpose);
    assert(key, 'keys are not used after their disposal');
    return hmacSha256(key, bytes);
  }

  /** True when the last 32 bytes of `record` are the MAC of what stands before them. */
  isAuthentic(purpose: MacPurpose, record: Uint8Array): boolean {
    const end = record.length - MAC_SIZE_BYTES;
    return end >= 0 && equalBytes(this.mac(purpose, record.subarray(0, end)), record.subarray(end));
  }

  /** Makes an epoch that never was: a random id, a random secret, ready for `aead`. */
  newEpoch(random: Random): EpochRecord {
    const id = random.bytes(EPOCH_ID_SIZE_BYTES);
    const secret = random.bytes(EPOCH_SECRET_SIZE_BYTES);
    try {
      return this.adoptEpoch(id, secret);
    } finally {
      secret.fill(0);
    }
  }

  /** Wraps another disk's epoch under this disk's data key: what a clone does with the epochs of its snapshot. */
  adoptEpoch(id: Uint8Array, secret: Uint8Array): EpochRecord {
    // The wrapping key is derived from the epoch's id, so it seals one secret in its life and the nonce may be fixed.
    const wrapped = new Uint8Array(WRAPPED_EPOCH_SIZE_BYTES);
    this.#withWrapAead(id, (aead) => aead.seal(ZERO_NONCE, id, secret, NO_BYTES, wrapped));
    return { id, wrapped };
  }

  /**
   * The epoch's secret, which the caller wipes.
   * @throws {SystemError} kind `corrupt`: the record does not open under this data key.
   */
  epochSecret(epoch: EpochRecord): Uint8Array {
    const secret = new Uint8Array(EPOCH_SECRET_SIZE_BYTES);
    const opened = this.#withWrapAead(epoch.id, (aead) =>
      aead.open(ZERO_NONCE, epoch.id, epoch.wrapped, secret, NO_BYTES),
    );
    if (!opened) throw corrupt('EPOCH_CORRUPT', `epoch ${toHex(epoch.id)} does not open under this data key`);
    return secret;
  }

  /**
   * The cipher of the epoch's slots, to be used before the next await: a disk that was opened thousands of times has as
   * many epochs, and only some ciphers are kept. Nonces are slot addresses.
   */
  aead(epoch: EpochRecord): Aead {
    const kept = this.#aeads.get(epoch);
    if (kept !== undefined) return kept;
    const secret = this.epochSecret(epoch);
    const key = hkdfSha256(secret, epoch.id, `sealdisk/v1/slots/${this.suite}`, KEY_SIZE_BYTES[this.suite]);
    const aead = this.#cipher.createAead(this.suite, key);
    secret.fill(0);
    key.fill(0);
    for (const [oldest, unused] of this.#aeads) {
      if (this.#aeads.size < AEADS_MAX) break;
      unused.wipe();
      this.#aeads.delete(oldest);
    }
    this.#aeads.set(epoch, aead);
    return aead;
  }

  [Symbol.dispose](): void {
    for (const aead of this.#aeads.values()) aead.wipe();
    for (const key of this.#macKeys.values()) key.fill(0);
    this.#wrapRoot.fill(0);
    this.#aeads.clear();
    this.#macKeys.clear();
  }

  #withWrapAead<T>(epochId: Uint8Array, use: (aead: Aead) => T): T {
    const key = hkdfSha256(this.#wrapRoot, epochId, `sealdisk/v1/epoch-wrap/${this.suite}`, KEY_SIZE_BYTES[this.suite]);
    const aead = this.#cipher.createAead(this.suite, key);
    key.fill(0);
    try {
      return use(aead);
    } finally {
      aead.wipe();
    }
  }
}
