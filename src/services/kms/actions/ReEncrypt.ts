import type { Access, Action } from '../../../api/action.ts';
import type { ReEncryptInput, ReEncryptOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { ciphertextAccess, keyUseAccess, SHARED_KEY } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { booleanParameter, contextParameter } from '../parameter-values.ts';
import { openSource, parseSource } from '../re-encryption-source.ts';

/** Opens a ciphertext and seals what was in it under another key, version or context. Nobody is shown it. */
export function reEncrypt(deps: KmsDependencies): Action<ReEncryptInput, ReEncryptOutput> {
  return kmsAction(deps, {
    name: 'ReEncrypt',
    access: async (scope, input): Promise<readonly Access[]> => [
      ...(input.SourceKeyId === undefined
        ? await ciphertextAccess(deps, scope, 'kms:ReEncryptFrom', input.CiphertextBlob)
        : await keyUseAccess(deps, scope, 'kms:ReEncryptFrom', input.SourceKeyId)),
      ...(await keyUseAccess(deps, scope, 'kms:ReEncryptTo', input.DestinationKeyId)),
    ],
    parse: (input) => ({
      source: parseSource(input),
      destinationKeyId: input.DestinationKeyId,
      context: contextParameter(input.DestinationEncryptionContext, 'DestinationEncryptionContext'),
      dryRun: booleanParameter('DryRun', input.DryRun),
    }),
    run: async (scope, { source, destinationKeyId, context, dryRun }) => {
      const destination = await deps.keys.find(scope, destinationKeyId, SHARED_KEY);
      const plaintext = await openSource(deps, scope, source);
      try {
        const sealed = await deps.envelope.encrypt('ReEncrypt', destination, context, plaintext);
        if (dryRun) throw dryRunPassed();
        return { KeyId: sealed.keyId, KeyVersionId: sealed.keyVersionId, CiphertextBlob: sealed.blob.toBase64() };
      } finally {
        plaintext.fill(0);
      }
    },
  });
}
