import type { Action } from '../../../api/action.ts';
import type { AsymmetricDecryptInput, AsymmetricDecryptOutput } from '../../../api/generated/kms.ts';
import { SM2_CIPHERTEXT_SIZE_BYTES_MAX } from '../../../crypto/asymmetric.ts';
import { encryptionAlgorithm } from '../algorithm-parameters.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter, booleanParameter } from '../parameter-values.ts';

/** The DER form of the longest ciphertext is a few bytes longer. */
const CIPHERTEXT_SIZE_BYTES_MAX = SM2_CIPHERTEXT_SIZE_BYTES_MAX + 32;

/** Decrypts what was encrypted under the public half of a key pair, here or elsewhere. */
export function asymmetricDecrypt(deps: KmsDependencies): Action<AsymmetricDecryptInput, AsymmetricDecryptOutput> {
  return kmsAction(deps, {
    name: 'AsymmetricDecrypt',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:AsymmetricDecrypt', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      keyVersionId: input.KeyVersionId,
      algorithm: encryptionAlgorithm(input.Algorithm),
      dryRun: booleanParameter('DryRun', input.DryRun),
      ciphertext: base64Parameter('CiphertextBlob', input.CiphertextBlob, CIPHERTEXT_SIZE_BYTES_MAX),
    }),
    run: async (scope, { keyId, keyVersionId, algorithm, dryRun, ciphertext }) => {
      const key = await deps.keys.find(scope, keyId, KEY_USE);
      const opened = await deps.keyPairs.decrypt('AsymmetricDecrypt', { key, keyVersionId }, algorithm, ciphertext);
      const plaintext = opened.toBase64();
      opened.fill(0);
      if (dryRun) throw dryRunPassed();
      return { KeyId: key.keyId, KeyVersionId: keyVersionId, Plaintext: plaintext };
    },
  });
}
