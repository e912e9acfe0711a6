import { assert } from '../../base/assert.ts';
import { SystemError } from '../../base/errors.ts';
import type { Random } from '../../base/random.ts';
import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES } from '../../crypto/aead.ts';
import type { Aead, CipherBackend, Suite } from '../../crypto/aead.ts';
import { hkdfSha256, hmacSha256 } from '../../crypto/kdf.ts';
import { equalBytes, toHex } from '../format/fixed-bytes.ts';
import {
  DERIVED_KEY_SIZE_BYTES,
  EPOCH_ID_SIZE_BYTES,
  EPOCH_SECRET_SIZE_BYTES,
  OLDER_KEY_ID_SIZE_BYTES,
  OLDER_KEY_SIZE_BYTES,
  OLDER_KEYS,
  WRAPPED_EPOCH_SIZE_BYTES,
} from '../format/key-records.ts';
import type { EpochRecord } from '../format/key-records.ts';
import { MAC_SIZE_BYTES } from '../format/record-macs.ts';
import type { MacPurpose, RecordMacs } from '../format/record-macs.ts';
import type { DataKey } from './data-key.ts';
import { copyKeys, deriveKeys, keyOf, NO_KEYS, wipeKeys } from './key-set.ts';
import type { DerivedKey, KeySet } from './key-set.ts';

const DATA_KEY_SIZE_BYTES = 32;
/**
 * Ciphers that are kept ready: making one costs as much as reading several blocks, and each snapshot begins an epoch. A
 * handle takes about 2 KB of locked memory, and only a disk that reads from so many epochs has so many: 2 MB at most.
 */
const AEADS_MAX = 1_024;
const NO_BYTES = new Uint8Array(0);
const ZERO_NONCE = new Uint8Array(NONCE_SIZE_BYTES);

/**
 * Every key of one open disk, derived from its data key (docs/formats/keys.md), and what earlier data keys of the disk
 * still open. The data key itself is not kept: after construction the caller may wipe it.
 */
export class DiskKeys implements Disposable, RecordMacs {
  readonly #cipher: CipherBackend;
  #suite: Suite;
  #current: KeySet;
  /** Newest first. What they made still verifies and opens; nothing is made with them. */
  #older: readonly KeySet[] = [];
  /** In order of their making. By record, since that is what every caller has at hand; twins only cost a handle. */
  readonly #aeads = new Map<EpochRecord, Aead>();

  constructor(cipher: CipherBackend, dataKey: DataKey) {
    assert(dataKey.key.length === DATA_KEY_SIZE_BYTES, 'a data key has 32 bytes');
    this.#suite = dataKey.suite;
    this.#cipher = cipher;
    this.#current = deriveKeys(dataKey.key);
  }

  /** Of everything that is sealed from now on. */
  get suite(): Suite {
    return this.#suite;
  }

  /** HMAC-SHA-256, 32 bytes. */
  mac(purpose: MacPurpose, bytes: Uint8Array): Uint8Array {
    return hmacSha256(keyOf(this.#current, purpose), bytes);
  }

  /**
   * True when the last 32 bytes of `record` are the MAC of what stands before them, under the data key or an earlier
   * one. A head is authentic under the data key alone.
   */
  isAuthentic(purpose: MacPurpose, record: Uint8Array): boolean {
    const end = record.length - MAC_SIZE_BYTES;
    if (end < 0) return false;
    for (const keys of purpose === 'head' ? [this.#current] : [this.#current, ...this.#older])
      if (equalBytes(hmacSha256(keyOf(keys, purpose), record.subarray(0, end)), record.subarray(end))) return true;
    return false;
  }

  /** As `isAuthentic`, and no earlier key made it. */
  isCurrentMac(purpose: MacPurpose, record: Uint8Array): boolean {
    const end = record.length - MAC_SIZE_BYTES;
    return end >= 0 && equalBytes(this.mac(purpose, record.subarray(0, end)), record.subarray(end));
  }

  /** Makes an epoch that never was: a random id, a random secret, ready for `aead`. */
  newEpoch(random: Random): EpochRecord {
    const id = random.bytes(EPOCH_ID_SIZE_BYTES);
    const secret = random.bytes(EPOCH_SECRET_SIZE_BYTES);
    try {
      return this.adoptEpoch(id, secret, this.#suite);
    } finally {
      secret.fill(0);
    }
  }

  /** Wraps another disk's epoch under this disk's data key: what a clone does with the epochs of its snapshot. */
  adoptEpoch(id: Uint8Array, secret: Uint8Array, suite: Suite): EpochRecord {
    // The wrapping key is derived from the epoch's id, so it seals one secret in its life and the nonce may be fixed.
    const wrapped = new Uint8Array(WRAPPED_EPOCH_SIZE_BYTES);
    this.#withWrapAead(this.#current, 'epoch-wrap', id, suite, (aead) =>
      aead.seal(ZERO_NONCE, id, secret, NO_BYTES, wrapped),
    );
    return { id, suite, wrapped };
  }

  /**
   * The epoch's secret, which the caller wipes.
   * @throws {SystemError} kind `corrupt`: the record opens neither under this data key nor under an earlier one.
   */
  epochSecret(epoch: EpochRecord): Uint8Array {
    const secret = new Uint8Array(EPOCH_SECRET_SIZE_BYTES);
    for (const keys of [this.#current, ...this.#older]) if (this.#openEpoch(keys, epoch, secret)) return secret;
    throw new SystemError('corrupt', 'EPOCH_CORRUPT', `epoch ${toHex(epoch.id)} does not open under this data key`);
  }

  /** True for an epoch of the suite that is wrapped under the data key itself: no earlier key opens its slots. */
  isCurrent(epoch: EpochRecord): boolean {
    const secret = new Uint8Array(EPOCH_SECRET_SIZE_BYTES);
    const opened = epoch.suite === this.#suite && this.#openEpoch(this.#current, epoch, secret);
    secret.fill(0);
    return opened;
  }

  /**
   * The cipher of the epoch's slots, to be used before the next await: a disk that was opened thousands of times has as
   * many epochs, and only some ciphers are kept. Nonces are slot addresses.
   */
  aead(epoch: EpochRecord): Aead {
    const kept = this.#aeads.get(epoch);
    if (kept !== undefined) return kept;
    const secret = this.epochSecret(epoch);
    const key = hkdfSha256(secret, epoch.id, `sealdisk/v1/slots/${epoch.suite}`, KEY_SIZE_BYTES[epoch.suite]);
    const aead = this.#cipher.createAead(epoch.suite, key);
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

  /** The keys of the same disk under another data key, which open whatever these do. */
  successor(dataKey: DataKey): DiskKeys {
    const next = new DiskKeys(this.#cipher, dataKey);
    next.#older = [this.#current, ...this.#older].map(copyKeys);
    return next;
  }

  /** Goes on as `successor`, which is used up: everybody who holds these keys uses the new data key from now on. */
  become(successor: DiskKeys): void {
    for (const keys of [this.#current, ...this.#older]) wipeKeys(keys);
    this.#suite = successor.#suite;
    this.#current = successor.#current;
    this.#older = successor.#older;
    successor.#current = NO_KEYS;
    successor.#older = [];
  }

  /** Opens what `other` opens from now on, as if its data key had been an earlier one. */
  remember(other: DiskKeys): void {
    this.#older = [...this.#older, copyKeys(other.#current)];
  }

  /** Forgets what earlier data keys open. */
  forgetOlder(): void {
    for (const keys of this.#older) wipeKeys(keys);
    this.#older = [];
  }

  /** How many earlier data keys are remembered. */
  get olderCount(): number {
    return this.#older.length;
  }

  /** The earlier keys, sealed under the data key, for a head: `OLDER_KEY_SIZE_BYTES` each, under fresh ids. */
  sealOlder(random: Random): Uint8Array[] {
    return this.#older.map((keys) => {
      const record = new Uint8Array(OLDER_KEY_SIZE_BYTES);
      const id = random.bytes(OLDER_KEY_ID_SIZE_BYTES);
      const plain = Buffer.concat(OLDER_KEYS.map((name) => keyOf(keys, name)));
      record.set(id);
      this.#withWrapAead(this.#current, 'older-keys', id, this.#suite, (aead) =>
        aead.seal(ZERO_NONCE, id, plain, NO_BYTES, record.subarray(OLDER_KEY_ID_SIZE_BYTES)),
      );
      plain.fill(0);
      return record;
    });
  }

  /**
   * Takes over the earlier keys that an authentic head carries, in place of those that were known.
   * @throws {SystemError} kind `corrupt`: one of them does not open.
   */
  openOlder(records: readonly Uint8Array[]): void {
    const opened = records.map((record) => {
      const id = record.subarray(0, OLDER_KEY_ID_SIZE_BYTES);
      const plain = new Uint8Array(OLDER_KEYS.length * DERIVED_KEY_SIZE_BYTES);
      const isRight = this.#withWrapAead(this.#current, 'older-keys', id, this.#suite, (aead) =>
        aead.open(ZERO_NONCE, id, record.subarray(OLDER_KEY_ID_SIZE_BYTES), plain, NO_BYTES),
      );
      if (!isRight)
        throw new SystemError(
          'corrupt',
          'HEAD_CORRUPT',
          'an earlier data key in the head does not open; restore the head',
        );
      const keys = new Map<DerivedKey, Uint8Array>(
        OLDER_KEYS.map((name, i) => [name, plain.slice(i * DERIVED_KEY_SIZE_BYTES, (i + 1) * DERIVED_KEY_SIZE_BYTES)]),
      );
      plain.fill(0);
      return keys;
    });
    for (const keys of this.#older) wipeKeys(keys);
    this.#older = opened;
  }

  [Symbol.dispose](): void {
    for (const aead of this.#aeads.values()) aead.wipe();
    for (const keys of [this.#current, ...this.#older]) wipeKeys(keys);
    this.#aeads.clear();
    this.#current = NO_KEYS;
    this.#older = [];
  }

  #openEpoch(keys: KeySet, epoch: EpochRecord, secret: Uint8Array): boolean {
    return this.#withWrapAead(keys, 'epoch-wrap', epoch.id, epoch.suite, (aead) =>
      aead.open(ZERO_NONCE, epoch.id, epoch.wrapped, secret, NO_BYTES),
    );
  }

  #withWrapAead<T>(
    keys: KeySet,
    use: 'epoch-wrap' | 'older-keys',
    id: Uint8Array,
    suite: Suite,
    run: (aead: Aead) => T,
  ): T {
    const key = hkdfSha256(keyOf(keys, 'epoch-wrap-root'), id, `sealdisk/v1/${use}/${suite}`, KEY_SIZE_BYTES[suite]);
    const aead = this.#cipher.createAead(suite, key);
    key.fill(0);
    try {
      return run(aead);
    } finally {
      aead.wipe();
    }
  }
}
