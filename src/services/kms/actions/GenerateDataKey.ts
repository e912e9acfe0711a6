import type { Action } from '../../../api/action.ts';
import type { GenerateDataKeyInput, GenerateDataKeyOutput } from '../../../api/generated/kms.ts';
import { parseDataKeyRequest } from '../data-key-request.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** A fresh random key, in the clear and sealed under the named key. */
export function generateDataKey(deps: KmsDependencies): Action<GenerateDataKeyInput, GenerateDataKeyOutput> {
  return kmsAction(deps, {
    name: 'GenerateDataKey',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:GenerateDataKey', input.KeyId),
    parse: (input) => ({ keyId: input.KeyId, ...parseDataKeyRequest(input) }),
    run: async (scope, { keyId, context, lengthBytes, dryRun }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const made = await deps.envelope.generateDataKey('GenerateDataKey', key, context, lengthBytes);
      const plaintext = made.plaintext.toBase64();
      made.plaintext.fill(0);
      if (dryRun) throw dryRunPassed();
      return {
        KeyId: made.keyId,
        KeyVersionId: made.keyVersionId,
        CiphertextBlob: Buffer.from(made.blob).toString('base64'),
        Plaintext: plaintext,
      };
    },
  });
}
