import type { Action } from '../../../api/action.ts';
import type { AsymmetricEncryptInput, AsymmetricEncryptOutput } from '../../../api/generated/kms.ts';
import { encryptionLimitBytes } from '../../../crypto/asymmetric.ts';
import { encryptionAlgorithm } from '../algorithm-parameters.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { dryRunPassed } from '../dry-run.ts';
import { KEY_USE, keyUseAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { base64Parameter, booleanParameter } from '../parameter-values.ts';

const PLAINTEXT_SIZE_BYTES_MAX = encryptionLimitBytes('EC_SM2', 'SM2PKE');

/** Encrypts under the public half of a key pair. Anyone with the public key can do the same elsewhere. */
export function asymmetricEncrypt(deps: KmsDependencies): Action<AsymmetricEncryptInput, AsymmetricEncryptOutput> {
  return kmsAction(deps, {
    name: 'AsymmetricEncrypt',
    access: (scope, input) => keyUseAccess(deps, scope, 'kms:AsymmetricEncrypt', input.KeyId),
    parse: (input) => ({
      keyId: input.KeyId,
      keyVersionId: input.KeyVersionId,
      algorithm: encryptionAlgorithm(input.Algorithm),
      dryRun: booleanParameter('DryRun', input.DryRun),
      plaintext: base64Parameter('Plaintext', input.Plaintext, PLAINTEXT_SIZE_BYTES_MAX),
    }),
    run: async (scope, { keyId, keyVersionId, algorithm, dryRun, plaintext }) => {
      try {
        const key = await deps.keys.find(scope, keyId, KEY_USE);
        const ciphertext = await deps.keyPairs.encrypt({ key, keyVersionId }, algorithm, plaintext);
        if (dryRun) throw dryRunPassed();
        return { KeyId: key.keyId, KeyVersionId: keyVersionId, CiphertextBlob: ciphertext.toBase64() };
      } finally {
        plaintext.fill(0);
      }
    },
  });
}
