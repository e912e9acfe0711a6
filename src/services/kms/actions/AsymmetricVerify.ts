import type { Action } from '../../../api/action.ts';
import type { AsymmetricVerifyInput, AsymmetricVerifyOutput } from '../../../api/generated/kms.ts';
import { digestParameter, signatureAlgorithm } from '../algorithm-parameters.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter, booleanParameter } from '../parameter-values.ts';

/** The longest signature, of RSA_3072, has 384 bytes. */
const SIGNATURE_SIZE_BYTES_MAX = 512;

/** Whether a signature is one of this key over this digest; a wrong one is an answer, not an error. */
export function asymmetricVerify(deps: KmsDependencies): Action<AsymmetricVerifyInput, AsymmetricVerifyOutput> {
  return kmsAction(deps, {
    name: 'AsymmetricVerify',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:AsymmetricVerify', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      keyVersionId: input.KeyVersionId,
      algorithm: signatureAlgorithm(input.Algorithm),
      digest: digestParameter(input.Digest),
      signature: base64Parameter('Value', input.Value, SIGNATURE_SIZE_BYTES_MAX),
      dryRun: booleanParameter('DryRun', input.DryRun),
    }),
    run: async (scope, { keyId, keyVersionId, algorithm, digest, signature, dryRun }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const valid = await deps.keyPairs.verify({ key, keyVersionId }, algorithm, digest, signature);
      if (dryRun) throw dryRunPassed();
      return { KeyId: key.keyId, KeyVersionId: keyVersionId, Value: valid };
    },
  });
}
