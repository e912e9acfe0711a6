import type { Action } from '../../../api/action.ts';
import type { GetPublicKeyInput, GetPublicKeyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { booleanParameter } from '../parameter-values.ts';
import { pem } from '../pem.ts';

/** The public half of a key pair, in PEM. */
export function getPublicKey(deps: KmsDependencies): Action<GetPublicKeyInput, GetPublicKeyOutput> {
  return kmsAction(deps, {
    name: 'GetPublicKey',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:GetPublicKey', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      keyVersionId: input.KeyVersionId,
      dryRun: booleanParameter('DryRun', input.DryRun),
    }),
    run: async (scope, { keyId, keyVersionId, dryRun }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const publicKey = await deps.keyPairs.publicKey({ key, keyVersionId });
      if (dryRun) throw dryRunPassed();
      return { KeyId: key.keyId, KeyVersionId: keyVersionId, PublicKey: pem('PUBLIC KEY', publicKey) };
    },
  });
}
