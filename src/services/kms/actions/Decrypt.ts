import type { Action } from '../../../api/action.ts';
import type { DecryptInput, DecryptOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { ciphertextAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter, BLOB_SIZE_BYTES_MAX, booleanParameter, contextParameter } from '../parameter-values.ts';

/** Opens what Encrypt or GenerateDataKey sealed: the ciphertext leads to its key, the context must be the same. */
export function decrypt(deps: KmsDependencies): Action<DecryptInput, DecryptOutput> {
  return kmsAction(deps, {
    name: 'Decrypt',
    access: (scope, input) => ciphertextAccess(deps, scope, 'kms:Decrypt', input.CiphertextBlob),
    parse: (input) => ({
      context: contextParameter(input.EncryptionContext),
      dryRun: booleanParameter('DryRun', input.DryRun),
      blob: base64Parameter('CiphertextBlob', input.CiphertextBlob, BLOB_SIZE_BYTES_MAX),
    }),
    run: async (scope, { context, dryRun, blob }) => {
      const opened = await deps.envelope.decrypt(scope, context, blob);
      const plaintext = opened.plaintext.toBase64();
      opened.plaintext.fill(0);
      if (dryRun) throw dryRunPassed();
      return { KeyId: opened.keyId, KeyVersionId: opened.keyVersionId, Plaintext: plaintext };
    },
  });
}
