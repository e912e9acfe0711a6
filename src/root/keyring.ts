import { SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { hkdfSha256 } from '../crypto/kdf.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import { SealedBytes } from '../kms/sealed-bytes.ts';
import type { RowKeys } from '../metadata/sealed-rows.ts';
import type { RollingSealer } from '../metadata/sealer.ts';

/**
 * What a store key seals: `disks` the data keys of unencrypted disks, which also lie in the disks' own files and so are
 * never sealed anew; `rows` the secrets and MACs of metadata rows; `keys` the key files.
 */
export type Purpose = 'disks' | 'rows' | 'keys';

export const PURPOSES: readonly Purpose[] = ['disks', 'rows', 'keys'];
export const STORE_KEY_SIZE_BYTES = 32;

/** Its number is used once in the life of a data directory, so that what it sealed can name it. */
export interface StoreKey {
  readonly number: number;
  readonly purpose: Purpose;
  readonly createdMs: number;
  /** 32 random bytes. */
  readonly key: Uint8Array;
}

interface Usable {
  readonly storeKey: StoreKey;
  readonly sealed: SealedBytes;
  readonly rowKey: Uint8Array;
  readonly secrets: DisposableStack;
  /** Nothing is sealed under it any more, but what was read a moment ago still opens. */
  forgotten: boolean;
}

// docs/formats/root-key.md, "Sealed under a store key": 2 ‖ number (u32, big endian, so that older ones sort first) ‖ sealed bytes
const VERSION = 2;
const PREFIX_SIZE_BYTES = 5;
/** Sealed bytes of nothing. */
const SIZE_BYTES_MIN = PREFIX_SIZE_BYTES + 49;
const NO_SALT = new Uint8Array(0);

/** The store keys, ready for use: what opens everything that a data directory keeps. Format: docs/formats/keyring.md. */
export class Keyring implements Disposable {
  readonly #ciphers: CipherBackend;
  readonly #random: Random;
  readonly #usable = new Map<number, Usable>();

  constructor(ciphers: CipherBackend, random: Random) {
    this.#ciphers = ciphers;
    this.#random = random;
  }

  /** @param storeKey its bytes belong to the keyring from now on. */
  add(storeKey: StoreKey): void {
    const secrets = new DisposableStack();
    secrets.use(new SecretBytes(storeKey.key));
    const derive = (use: string): Uint8Array =>
      secrets.use(new SecretBytes(hkdfSha256(storeKey.key, NO_SALT, `sealdisk/store-key/${use}/v1`, 32))).reveal();
    const sealed = new SealedBytes(this.#ciphers, this.#random, derive('sealer'));
    this.#usable.set(storeKey.number, { storeKey, sealed, rowKey: derive('row-mac'), secrets, forgotten: false });
  }

  /**
   * It is stored no more, and nothing that it sealed may be. What somebody holds that was read before still opens until
   * `dropForgotten`.
   */
  forget(number: number): void {
    const usable = this.#usable.get(number);
    if (usable !== undefined) usable.forgotten = true;
  }

  dropForgotten(): void {
    for (const [number, { forgotten }] of this.#usable) if (forgotten) this.#drop(number);
  }

  /** By number, oldest first. */
  get storeKeys(): readonly StoreKey[] {
    return [...this.#usable.values()]
      .filter(({ forgotten }) => !forgotten)
      .map(({ storeKey }) => storeKey)
      .toSorted((a, b) => a.number - b.number);
  }

  /** Oldest first; the last one seals. */
  numbersOf(purpose: Purpose): number[] {
    return this.storeKeys.filter((storeKey) => storeKey.purpose === purpose).map(({ number }) => number);
  }

  newestOf(purpose: Purpose): number {
    return this.#newest(purpose).storeKey.number;
  }

  /** What earlier store keys of the purpose sealed begins with one of these. */
  prefixesBefore(purpose: Purpose, than: number): Uint8Array[] {
    return this.numbersOf(purpose)
      .filter((number) => number < than)
      .map(prefixOf);
  }

  /** Never used before: the newest key of a purpose is not forgotten, and the newest of all is one of those. */
  get nextNumber(): number {
    return Math.max(0, ...this.#usable.keys()) + 1;
  }

  /** Seals under the newest key of the purpose; opens under any that is not forgotten. */
  sealer(purpose: Purpose): RollingSealer {
    const prefix = (): Uint8Array => prefixOf(this.#newest(purpose).storeKey.number);
    return {
      get prefix() {
        return prefix();
      },
      seal: (context, plaintext) => {
        const { storeKey, sealed } = this.#newest(purpose);
        return Buffer.concat([prefixOf(storeKey.number), sealed.seal(context, plaintext)]);
      },
      open: (context, bytes) => this.#open(purpose, context, bytes),
    };
  }

  /** The keys of row MACs, as they are at each moment. */
  get rowKeys(): RowKeys {
    const current = (): number => this.#newest('rows').storeKey.number;
    return {
      get current() {
        return current();
      },
      find: (number) => {
        const usable = this.#usable.get(number);
        return usable?.storeKey.purpose === 'rows' ? usable.rowKey : undefined;
      },
      opens: (sealed) => {
        if (sealed[0] !== VERSION || sealed.length < SIZE_BYTES_MIN) return true;
        const number = numberOf(sealed);
        // Other bytes may begin with a 2: no store key ever had such a number.
        return number >= this.nextNumber || this.#usable.get(number)?.forgotten === false;
      },
    };
  }

  [Symbol.dispose](): void {
    for (const number of this.#usable.keys()) this.#drop(number);
  }

  #drop(number: number): void {
    this.#usable.get(number)?.secrets.dispose();
    this.#usable.delete(number);
  }

  #newest(purpose: Purpose): Usable {
    const usable = this.#usable.get(this.numbersOf(purpose).at(-1) ?? 0);
    if (usable === undefined)
      throw new SystemError('corrupt', 'KEYRING_INCOMPLETE', `The keyring has no store key for ${purpose}.`);
    return usable;
  }

  #open(purpose: Purpose, context: string, bytes: Uint8Array): Uint8Array {
    const usable =
      bytes.length > PREFIX_SIZE_BYTES && bytes[0] === VERSION ? this.#usable.get(numberOf(bytes)) : undefined;
    if (usable === undefined || usable.storeKey.purpose !== purpose)
      throw new SystemError(
        'corrupt',
        'SEALED_BYTES_DAMAGED',
        `The sealed secret of ${context} does not open: it was changed, or sealed under a store key that was forgotten.`,
      );
    return usable.sealed.open(context, bytes.subarray(PREFIX_SIZE_BYTES));
  }
}

function prefixOf(number: number): Uint8Array {
  const prefix = Buffer.alloc(PREFIX_SIZE_BYTES, VERSION);
  prefix.writeUInt32BE(number, 1);
  return prefix;
}

function numberOf(sealed: Uint8Array): number {
  return new DataView(sealed.buffer, sealed.byteOffset, sealed.length).getUint32(1);
}
