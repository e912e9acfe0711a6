import type { Action } from '../../../api/action.ts';
import type { ExportDataKeyInput, ExportDataKeyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { ciphertextAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter, BLOB_SIZE_BYTES_MAX, booleanParameter, contextParameter } from '../parameter-values.ts';
import { parseExportTarget } from '../export-target.ts';

/** A data key that is sealed under a key of ours, sealed under a public key that the caller brings. Nobody is shown it. */
export function exportDataKey(deps: KmsDependencies): Action<ExportDataKeyInput, ExportDataKeyOutput> {
  return kmsAction(deps, {
    name: 'ExportDataKey',
    access: (scope, input) => ciphertextAccess(deps, scope, 'kms:ExportDataKey', input.CiphertextBlob),
    parse: (input) => ({
      target: parseExportTarget(input),
      context: contextParameter(input.EncryptionContext),
      dryRun: booleanParameter('DryRun', input.DryRun),
      blob: base64Parameter('CiphertextBlob', input.CiphertextBlob, BLOB_SIZE_BYTES_MAX),
    }),
    run: async (scope, { target, context, dryRun, blob }) => {
      const opened = await deps.envelope.decrypt(scope, context, blob);
      try {
        const exported = deps.keyPairs.encryptFor(target, target.algorithm, opened.plaintext);
        if (dryRun) throw dryRunPassed();
        return { KeyId: opened.keyId, KeyVersionId: opened.keyVersionId, ExportedDataKey: exported.toBase64() };
      } finally {
        opened.plaintext.fill(0);
      }
    },
  });
}
