import type { Action } from '../../../api/action.ts';
import type { EncryptInput, EncryptOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter, booleanParameter, contextParameter, MESSAGE_SIZE_BYTES_MAX } from '../parameter-values.ts';

/** Seals up to 6 KiB under the primary version of a key, bound to the encryption context. */
export function encrypt(deps: KmsDependencies): Action<EncryptInput, EncryptOutput> {
  return kmsAction(deps, {
    name: 'Encrypt',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:Encrypt', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      context: contextParameter(input.EncryptionContext),
      dryRun: booleanParameter('DryRun', input.DryRun),
      plaintext: base64Parameter('Plaintext', input.Plaintext, MESSAGE_SIZE_BYTES_MAX),
    }),
    run: async (scope, { keyId, context, dryRun, plaintext }) => {
      try {
        const key = await deps.keys.find(scope, keyId, KEY_USE);
        const sealed = await deps.envelope.encrypt('Encrypt', key, context, plaintext);
        if (dryRun) throw dryRunPassed();
        return {
          KeyId: sealed.keyId,
          KeyVersionId: sealed.keyVersionId,
          CiphertextBlob: Buffer.from(sealed.blob).toString('base64'),
        };
      } finally {
        plaintext.fill(0);
      }
    },
  });
}
