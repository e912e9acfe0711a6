import type { Action } from '../../../api/action.ts';
import type { ImportKeyMaterialInput, ImportKeyMaterialOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { invalidParameter } from '../errors.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter } from '../parameter-values.ts';

/** An RSA-2048 block has 256 bytes; 32 bytes under SM2 have 129, in DER a few more. */
const WRAPPED_SIZE_BYTES_MAX = 512;
/** A token holds a private key of RSA-2048, about 1,220 bytes. */
const TOKEN_SIZE_BYTES_MAX = 4096;
/** The last second of the year 9999, in seconds since 1970. */
const UNIX_SECONDS_MAX = 253_402_300_799;

/** Takes material from outside for a key that was made for it. Durable before this answers. */
export function importKeyMaterial(deps: KmsDependencies): Action<ImportKeyMaterialInput, ImportKeyMaterialOutput> {
  return kmsAction(deps, {
    name: 'ImportKeyMaterial',
    access: (scope, input) => keyAccess(deps, scope, 'kms:ImportKeyMaterial', input.KeyId),
    parse: (input) => ({
      keyReference: input.KeyId,
      wrapped: base64Parameter('EncryptedKeyMaterial', input.EncryptedKeyMaterial, WRAPPED_SIZE_BYTES_MAX),
      token: base64Parameter('ImportToken', input.ImportToken, TOKEN_SIZE_BYTES_MAX),
      expireMs: expiryOf(input.KeyMaterialExpireUnix),
    }),
    run: async (scope, request) => {
      await deps.importedMaterial.import(scope, request);
      return {};
    },
  });
}

/** Milliseconds since 1970, or null: 0 means never. */
function expiryOf(seconds: number): number | null {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > UNIX_SECONDS_MAX)
    throw invalidParameter('KeyMaterialExpireUnix', 'a time in whole seconds since 1970, or 0 for never');
  return seconds === 0 ? null : seconds * 1000;
}
