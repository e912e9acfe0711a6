import type { Action } from '../../../api/action.ts';
import type { VerifyMacInput, VerifyMacOutput } from '../../../api/generated/kms.ts';
import { macAlgorithm } from '../algorithm-parameters.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter, booleanParameter, MESSAGE_SIZE_BYTES_MAX } from '../parameter-values.ts';

/** HMAC_SHA_512. */
const MAC_SIZE_BYTES_MAX = 64;

/** Whether a code is that of the message under this key; a wrong one is an answer, not an error. */
export function verifyMac(deps: KmsDependencies): Action<VerifyMacInput, VerifyMacOutput> {
  return kmsAction(deps, {
    name: 'VerifyMac',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:VerifyMac', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      algorithm: macAlgorithm(input.Algorithm),
      message: base64Parameter('Message', input.Message, MESSAGE_SIZE_BYTES_MAX),
      mac: base64Parameter('Mac', input.Mac, MAC_SIZE_BYTES_MAX),
      dryRun: booleanParameter('DryRun', input.DryRun),
    }),
    run: async (scope, { keyId, algorithm, message, mac, dryRun }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const valid = await deps.macs.verify(key, algorithm, message, mac);
      if (dryRun) throw dryRunPassed();
      return { KeyId: key.keyId, Algorithm: algorithm, Value: valid };
    },
  });
}
