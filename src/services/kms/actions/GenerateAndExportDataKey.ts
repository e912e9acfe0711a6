import type { Action } from '../../../api/action.ts';
import type { GenerateAndExportDataKeyInput, GenerateAndExportDataKeyOutput } from '../../../api/generated/kms.ts';
import { parseDataKeyRequest } from '../data-key-request.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { parseExportTarget } from '../export-target.ts';

/** A fresh data key under two keys: one of ours, and a public key that the caller brings. Nobody is shown it. */
export function generateAndExportDataKey(
  deps: KmsDependencies,
): Action<GenerateAndExportDataKeyInput, GenerateAndExportDataKeyOutput> {
  return kmsAction(deps, {
    name: 'GenerateAndExportDataKey',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:GenerateAndExportDataKey', input.KeyId),
    parse: (input) => ({ keyId: input.KeyId, target: parseExportTarget(input), ...parseDataKeyRequest(input) }),
    run: async (scope, { keyId, target, context, lengthBytes, dryRun }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const made = await deps.envelope.generateDataKey('GenerateAndExportDataKey', key, context, lengthBytes);
      try {
        const exported = deps.keyPairs.encryptFor(target, target.algorithm, made.plaintext);
        if (dryRun) throw dryRunPassed();
        return {
          KeyId: made.keyId,
          KeyVersionId: made.keyVersionId,
          CiphertextBlob: made.blob.toBase64(),
          ExportedDataKey: exported.toBase64(),
        };
      } finally {
        made.plaintext.fill(0);
      }
    },
  });
}
