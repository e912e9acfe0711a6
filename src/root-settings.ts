/** The settings of the root of trust: docs/guide/root-of-trust.md. A part of config.ts. */
import { existsSync } from 'node:fs';
import path from 'node:path';

import { SystemError } from './base/errors.ts';
import { PROVIDER_KINDS } from './root/provider.ts';
import type { ProviderKind } from './root/provider.ts';
import type { RootSettings } from './root/providers.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What systemd calls them in `LoadCredential=`; they lie in `$CREDENTIALS_DIRECTORY`. */
const CREDENTIALS = {
  passphrase: 'sealdisk.passphrase',
  pin: 'sealdisk.pkcs11-pin',
  accessKey: 'sealdisk.kms-access-key',
} as const;

/** @throws {SystemError} kind `invalid`: names the setting, what is wrong and what would be right. */
export function rootSettings(environment: Environment): RootSettings {
  const setting = (name: string): string | undefined => environment[name] || undefined;
  const file = (name: string, credential: string): string | undefined =>
    absolute(setting(name)) ?? credentialFile(environment, credential);
  const passphraseFile = file('SEALDISK_PASSPHRASE_FILE', CREDENTIALS.passphrase);
  const module = setting('SEALDISK_PKCS11_MODULE');
  const endpoint = setting('SEALDISK_KMS_ENDPOINT');
  return {
    provider: providerKind(setting('SEALDISK_ROOT_KEY')) ?? (passphraseFile === undefined ? undefined : 'passphrase'),
    passphraseFile,
    pkcs11:
      module === undefined
        ? undefined
        : {
            module,
            token: required('SEALDISK_PKCS11_TOKEN', setting('SEALDISK_PKCS11_TOKEN'), 'SEALDISK_PKCS11_MODULE'),
            key: required('SEALDISK_PKCS11_KEY', setting('SEALDISK_PKCS11_KEY'), 'SEALDISK_PKCS11_MODULE'),
            pinFile: file('SEALDISK_PKCS11_PIN_FILE', CREDENTIALS.pin),
          },
    kms:
      endpoint === undefined
        ? undefined
        : {
            endpoint: checkedEndpoint(endpoint),
            keyId: required('SEALDISK_KMS_KEY', setting('SEALDISK_KMS_KEY'), 'SEALDISK_KMS_ENDPOINT'),
            accessKeyFile: required(
              'SEALDISK_KMS_ACCESS_KEY_FILE',
              file('SEALDISK_KMS_ACCESS_KEY_FILE', CREDENTIALS.accessKey),
              'SEALDISK_KMS_ENDPOINT',
            ),
          },
  };
}

/** @throws {SystemError} kind `invalid`: there is no such provider. */
export function providerKind(text: string | undefined, setting = 'SEALDISK_ROOT_KEY'): ProviderKind | undefined {
  const kind = PROVIDER_KINDS.find((known) => known === text);
  if (text !== undefined && kind === undefined)
    throw new SystemError(
      'invalid',
      'BAD_ROOT_PROVIDER',
      `${setting} wants one of ${PROVIDER_KINDS.join(', ')}, not ${JSON.stringify(text)}`,
    );
  return kind;
}

const absolute = (file: string | undefined): string | undefined =>
  file === undefined ? undefined : path.resolve(file);

function credentialFile(environment: Environment, name: string): string | undefined {
  const directory = environment['CREDENTIALS_DIRECTORY'];
  if (!directory) return undefined;
  const file = path.join(directory, name);
  return existsSync(file) ? file : undefined;
}

function required(name: string, value: string | undefined, because: string): string {
  if (value !== undefined) return value;
  throw new SystemError('invalid', 'HALF_ROOT_PROVIDER', `${because} is set, so ${name} has to be set too`);
}

/** The root key travels in the answers, so that they travel under TLS or not at all. */
function checkedEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = /^(127(\.\d{1,3}){3}|\[::1\]|localhost)$/.test(url?.hostname ?? '');
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback)) return url.origin;
  throw new SystemError(
    'invalid',
    'BAD_KMS_ENDPOINT',
    `SEALDISK_KMS_ENDPOINT wants https://HOST, or http:// on this machine, not ${JSON.stringify(text)}`,
  );
}
