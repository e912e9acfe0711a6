import { SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { SCRYPT_COST, scryptKey } from '../crypto/kdf.ts';
import type { ScryptCost } from '../crypto/kdf.ts';
import { PASSPHRASE_SIZE_BYTES_MIN } from '../kms/passphrase-keys.ts';
import { SealedBytes } from '../kms/sealed-bytes.ts';
import type { PassphraseRecord, ProviderRecord, RootKeyProvider } from './provider.ts';
import type { SecretSource } from './secret-source.ts';

/** Secrets sealed under a passphrase that is kept nowhere: docs/formats/keyring.md, "passphrase". */
export class PassphraseProvider implements RootKeyProvider {
  readonly kind = 'passphrase';
  readonly #ciphers: CipherBackend;
  readonly #random: Random;
  readonly #passphrase: SecretSource;
  readonly #cost: ScryptCost;

  /** @param cost only tests choose a lower one. */
  constructor(ciphers: CipherBackend, random: Random, passphrase: SecretSource, cost: ScryptCost = SCRYPT_COST) {
    this.#ciphers = ciphers;
    this.#random = random;
    this.#passphrase = passphrase;
    this.#cost = cost;
  }

  async wrap(context: string, secret: Uint8Array): Promise<PassphraseRecord> {
    const salt = this.#random.bytes(32);
    const sealed = await this.#with(salt, this.#cost, (sealer) =>
      sealer.seal(bound(context, this.#cost, salt), secret),
    );
    return { kind: 'passphrase', kdf: 'scrypt', ...this.#cost, salt: hex(salt), wrapped: hex(sealed) };
  }

  /** @throws {SystemError} kind `denied`, codes `SEALED` (nobody gave a passphrase), `ROOT_PASSPHRASE_WRONG`. */
  async unwrap(context: string, record: ProviderRecord): Promise<Uint8Array> {
    if (record.kind !== 'passphrase') throw wrong();
    const { n, r, p } = record;
    const salt = Buffer.from(record.salt, 'hex');
    return this.#with(salt, { n, r, p }, (sealer) => {
      try {
        return sealer.open(bound(context, { n, r, p }, salt), Buffer.from(record.wrapped, 'hex'));
      } catch (error) {
        throw wrong(error);
      }
    });
  }

  async settle(): Promise<void> {}

  async release(): Promise<void> {}

  async #with<T>(salt: Uint8Array, cost: ScryptCost, use: (sealer: SealedBytes) => T): Promise<T> {
    const passphrase = await this.#passphrase();
    if (passphrase === undefined)
      throw new SystemError(
        'denied',
        'SEALED',
        'a passphrase is needed: run sealdisk unseal, or set SEALDISK_PASSPHRASE_FILE',
      );
    let key: Uint8Array | undefined;
    try {
      if (passphrase.length < PASSPHRASE_SIZE_BYTES_MIN)
        throw new SystemError(
          'invalid',
          'PASSPHRASE_TOO_SHORT',
          `The passphrase has fewer than ${PASSPHRASE_SIZE_BYTES_MIN} bytes; take a longer one.`,
        );
      key = await scryptKey(passphrase, salt, cost);
      return use(new SealedBytes(this.#ciphers, this.#random, key));
    } finally {
      passphrase.fill(0);
      key?.fill(0);
    }
  }
}

function bound(context: string, { n, r, p }: ScryptCost, salt: Uint8Array): string {
  return `${context}:scrypt:${n}:${r}:${p}:${hex(salt)}`;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function wrong(cause?: unknown): SystemError {
  return new SystemError(
    'denied',
    'ROOT_PASSPHRASE_WRONG',
    'The passphrase is not the right one, or the file that it should open was changed.',
    { cause },
  );
}
