import type { Action } from '../../../api/action.ts';
import type { GetParametersForImportInput, GetParametersForImportOutput } from '../../../api/generated/kms.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { wrappingAlgorithm } from '../algorithm-parameters.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** A public key to wrap material with, and the token that belongs to it; both are good for a day, as often as wanted. */
export function getParametersForImport(
  deps: KmsDependencies,
): Action<GetParametersForImportInput, GetParametersForImportOutput> {
  return kmsAction(deps, {
    name: 'GetParametersForImport',
    access: (scope, input) => keyAccess(deps, scope, 'kms:GetParametersForImport', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      algorithm: wrappingAlgorithm(input.WrappingAlgorithm, input.WrappingKeySpec),
    }),
    run: async (scope, { keyId, algorithm }) => {
      const made = await deps.importedMaterial.parameters(scope, keyId, algorithm);
      return {
        KeyId: made.keyId,
        PublicKey: made.publicKey.toBase64(),
        ImportToken: made.token.toBase64(),
        TokenExpireTime: isoSeconds(made.expiresMs),
      };
    },
  });
}
