import type { Action } from '../../../api/action.ts';
import type { AsymmetricSignInput, AsymmetricSignOutput } from '../../../api/generated/kms.ts';
import { digestParameter, signatureAlgorithm } from '../algorithm-parameters.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { booleanParameter } from '../parameter-values.ts';

/** Signs a digest that the caller made. */
export function asymmetricSign(deps: KmsDependencies): Action<AsymmetricSignInput, AsymmetricSignOutput> {
  return kmsAction(deps, {
    name: 'AsymmetricSign',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:AsymmetricSign', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      keyVersionId: input.KeyVersionId,
      algorithm: signatureAlgorithm(input.Algorithm),
      digest: digestParameter(input.Digest),
      dryRun: booleanParameter('DryRun', input.DryRun),
    }),
    run: async (scope, { keyId, keyVersionId, algorithm, digest, dryRun }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const signature = await deps.keyPairs.sign({ key, keyVersionId }, algorithm, digest);
      if (dryRun) throw dryRunPassed();
      return { KeyId: key.keyId, KeyVersionId: keyVersionId, Value: signature.toBase64() };
    },
  });
}
