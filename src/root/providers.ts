import { SystemError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import type { ScryptCost } from '../crypto/kdf.ts';
import { FileProvider } from './file-provider.ts';
import { KmsProvider } from './kms-provider.ts';
import type { KmsSettings } from './kms-provider.ts';
import { PassphraseProvider } from './passphrase-provider.ts';
import { Pkcs11Provider } from './pkcs11-provider.ts';
import type { Pkcs11Settings } from './pkcs11-provider.ts';
import type { ProviderKind, RootKeyProvider } from './provider.ts';
import { givenSecret, secretFile } from './secret-source.ts';

/** What the owner of the server configured; nothing of it lies in the data directory. */
export interface RootSettings {
  /** Who is to keep the root key of a new data directory; undefined: a file. Existing ones say it themselves. */
  readonly provider: ProviderKind | undefined;
  readonly passphraseFile: string | undefined;
  readonly pkcs11: Pkcs11Settings | undefined;
  readonly kms: KmsSettings | undefined;
}

export interface ProviderParts {
  readonly dataDirectory: string;
  readonly settings: RootSettings;
  readonly ciphers: CipherBackend;
  readonly random: Random;
  readonly clock: Clock;
  /** Only tests choose a lower one. */
  readonly scryptCost?: ScryptCost;
}

/**
 * The provider of a kind.
 * @param passphrase one that was handed over, in place of the configured file; its owner wipes it.
 * @throws {SystemError} kind `invalid`, code `ROOT_PROVIDER_UNSET`: settings are missing.
 */
export function providerOf(parts: ProviderParts, kind: ProviderKind, passphrase?: Uint8Array): RootKeyProvider {
  const { settings, ciphers, random, clock, scryptCost } = parts;
  switch (kind) {
    case 'file':
      return new FileProvider(parts.dataDirectory);
    case 'passphrase': {
      const source =
        passphrase === undefined
          ? secretFile(settings.passphraseFile, 'SEALDISK_PASSPHRASE_FILE')
          : givenSecret(passphrase);
      return new PassphraseProvider(ciphers, random, source, scryptCost);
    }
    case 'pkcs11':
      if (settings.pkcs11 === undefined)
        throw unset(
          'a token',
          'SEALDISK_PKCS11_MODULE, SEALDISK_PKCS11_TOKEN, SEALDISK_PKCS11_KEY and SEALDISK_PKCS11_PIN_FILE',
        );
      return new Pkcs11Provider(random, settings.pkcs11);
    case 'kms':
      if (settings.kms === undefined)
        throw unset('another KMS', 'SEALDISK_KMS_ENDPOINT, SEALDISK_KMS_KEY and SEALDISK_KMS_ACCESS_KEY_FILE');
      return new KmsProvider(clock, settings.kms);
  }
}

function unset(keeper: string, settings: string): SystemError {
  return new SystemError(
    'invalid',
    'ROOT_PROVIDER_UNSET',
    `The root key is in the keeping of ${keeper}, and it is not configured how to reach it; set ${settings}.`,
  );
}
