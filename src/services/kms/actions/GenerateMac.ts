import type { Action } from '../../../api/action.ts';
import type { GenerateMacInput, GenerateMacOutput } from '../../../api/generated/kms.ts';
import { macAlgorithm } from '../algorithm-parameters.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter, booleanParameter, MESSAGE_SIZE_BYTES_MAX } from '../parameter-values.ts';

/** A message authentication code under an HMAC key. */
export function generateMac(deps: KmsDependencies): Action<GenerateMacInput, GenerateMacOutput> {
  return kmsAction(deps, {
    name: 'GenerateMac',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:GenerateMac', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      algorithm: macAlgorithm(input.Algorithm),
      message: base64Parameter('Message', input.Message, MESSAGE_SIZE_BYTES_MAX),
      dryRun: booleanParameter('DryRun', input.DryRun),
    }),
    run: async (scope, { keyId, algorithm, message, dryRun }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const mac = await deps.macs.generate(key, algorithm, message);
      if (dryRun) throw dryRunPassed();
      return { KeyId: key.keyId, Algorithm: algorithm, Mac: mac.toBase64() };
    },
  });
}
