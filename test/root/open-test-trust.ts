import { systemClock } from '../../src/base/system-clock.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import type { ProviderParts, RootSettings } from '../../src/root/providers.ts';
import { RootOfTrust } from '../../src/root/root-of-trust.ts';

/** Weak on purpose: tests derive many keys. */
export const CHEAP_SCRYPT = { n: 2, r: 1, p: 1 } as const;

export function trustParts(dataDirectory: string, settings: Partial<RootSettings> = {}): ProviderParts {
  return {
    dataDirectory,
    settings: { provider: 'file', passphraseFile: undefined, pkcs11: undefined, kms: undefined, ...settings },
    ciphers: nodeCipherBackend(),
    random: systemRandom,
    clock: systemClock,
    scryptCost: CHEAP_SCRYPT,
  };
}

/** The root of trust of a new data directory, its root key in a file. */
export function openTestTrust(directory: string): Promise<RootOfTrust> {
  return RootOfTrust.open(trustParts(directory), { databaseExists: false });
}
