import { SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { withTokenKey } from './pkcs11.ts';
import type { TokenKey, TokenKeyName } from './pkcs11.ts';
import type { Pkcs11Record, ProviderRecord, RootKeyProvider } from './provider.ts';
import { secretFile } from './secret-source.ts';

export interface Pkcs11Settings extends TokenKeyName {
  /** A file with the PIN: it is never on a command line or in an environment. */
  readonly pinFile: string | undefined;
}

const IV_SIZE_BYTES = 12;

/** Secrets sealed by an AES key that stays in a token: docs/formats/keyring.md, "pkcs11". */
export class Pkcs11Provider implements RootKeyProvider {
  readonly kind = 'pkcs11';
  readonly #random: Random;
  readonly #settings: Pkcs11Settings;

  constructor(random: Random, settings: Pkcs11Settings) {
    this.#random = random;
    this.#settings = settings;
  }

  async wrap(context: string, secret: Uint8Array): Promise<Pkcs11Record> {
    const iv = this.#random.bytes(IV_SIZE_BYTES);
    const wrapped = await this.#with((key) => key.seal(iv, Buffer.from(context), secret));
    return { kind: 'pkcs11', mechanism: 'aes-gcm', iv: hex(iv), wrapped: hex(wrapped) };
  }

  async unwrap(context: string, record: ProviderRecord): Promise<Uint8Array> {
    if (record.kind !== 'pkcs11')
      throw new SystemError('corrupt', 'SEALED_BYTES_DAMAGED', 'The record is not of a token.');
    const { iv, wrapped } = record;
    return this.#with((key) => key.open(Buffer.from(iv, 'hex'), Buffer.from(context), Buffer.from(wrapped, 'hex')));
  }

  async settle(): Promise<void> {}

  async release(): Promise<void> {}

  async #with<T>(use: (key: TokenKey) => T): Promise<T> {
    const pin = await secretFile(this.#settings.pinFile, 'SEALDISK_PKCS11_PIN_FILE')();
    if (pin === undefined)
      throw new SystemError(
        'invalid',
        'ROOT_PROVIDER_UNSET',
        'The token wants a PIN; put it into a file and set SEALDISK_PKCS11_PIN_FILE.',
      );
    try {
      return withTokenKey(this.#settings, pin, use);
    } finally {
      pin.fill(0);
    }
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
