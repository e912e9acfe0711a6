import type { Action } from '../../../api/action.ts';
import type {
  GenerateDataKeyWithoutPlaintextInput,
  GenerateDataKeyWithoutPlaintextOutput,
} from '../../../api/generated/kms.ts';
import { parseDataKeyRequest } from '../data-key-request.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** A fresh random key, sealed under the named key and shown to nobody. */
export function generateDataKeyWithoutPlaintext(
  deps: KmsDependencies,
): Action<GenerateDataKeyWithoutPlaintextInput, GenerateDataKeyWithoutPlaintextOutput> {
  return kmsAction(deps, {
    name: 'GenerateDataKeyWithoutPlaintext',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:GenerateDataKeyWithoutPlaintext', input.KeyId),
    parse: (input) => ({ keyId: input.KeyId, ...parseDataKeyRequest(input) }),
    run: async (scope, { keyId, context, lengthBytes, dryRun }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const made = await deps.envelope.generateDataKey('GenerateDataKeyWithoutPlaintext', key, context, lengthBytes);
      made.plaintext.fill(0);
      if (dryRun) throw dryRunPassed();
      return {
        KeyId: made.keyId,
        KeyVersionId: made.keyVersionId,
        CiphertextBlob: Buffer.from(made.blob).toString('base64'),
      };
    },
  });
}
