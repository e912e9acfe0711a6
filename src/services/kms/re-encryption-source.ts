import { ApiError } from '../../api/errors.ts';
import type { ReEncryptInput } from '../../api/generated/kms.ts';
import type { EncryptionAlgorithm } from '../../crypto/asymmetric.ts';
import type { EncryptionContext } from '../../kms/encryption-context.ts';
import type { Scope } from '../../kms/scope.ts';
import { encryptionAlgorithm } from './algorithm-parameters.ts';
import type { KmsDependencies } from './dependencies.ts';
import { invalidParameter } from './errors.ts';
import { SHARED_KEY } from './key-access.ts';
import { base64Parameter, BLOB_SIZE_BYTES_MAX, contextParameter } from './parameter-values.ts';

/** What ReEncrypt opens: a ciphertext blob, or what somebody encrypted under the public half of a key pair. */
export type ReEncryptionSource = { readonly ciphertext: Uint8Array } & (
  | { readonly context: EncryptionContext }
  | { readonly keyId: string; readonly keyVersionId: string; readonly algorithm: EncryptionAlgorithm }
);

/** Only the second kind has to be told its key, version and algorithm. Source: KMS API reference. @throws {ApiError} */
export function parseSource(input: ReEncryptInput): ReEncryptionSource {
  const { SourceKeyId: keyId, SourceKeyVersionId: keyVersionId, SourceEncryptionAlgorithm: algorithm } = input;
  const ciphertext = base64Parameter('CiphertextBlob', input.CiphertextBlob, BLOB_SIZE_BYTES_MAX);
  const named = [keyId, keyVersionId, algorithm].filter((value) => value !== undefined).length;
  if (named === 0)
    return { ciphertext, context: contextParameter(input.SourceEncryptionContext, 'SourceEncryptionContext') };
  if (keyId === undefined || keyVersionId === undefined || algorithm === undefined) {
    const names = ['SourceKeyId', 'SourceKeyVersionId', 'SourceEncryptionAlgorithm'] as const;
    const missing = names.find((name) => input[name] === undefined) ?? 'SourceKeyId';
    throw new ApiError(
      'MissingParameter',
      400,
      `The parameter ${missing} is needed beside the other Source parameters.`,
    );
  }
  if (input.SourceEncryptionContext !== undefined)
    throw invalidParameter('SourceEncryptionContext', 'absent: public key encryption has no context');
  return { ciphertext, keyId, keyVersionId, algorithm: encryptionAlgorithm(algorithm, 'SourceEncryptionAlgorithm') };
}

/** The plaintext, which the caller wipes. @throws {SystemError} as Decrypt and AsymmetricDecrypt. */
export async function openSource(deps: KmsDependencies, scope: Scope, source: ReEncryptionSource): Promise<Uint8Array> {
  if (!('algorithm' in source))
    return (await deps.envelope.decrypt(scope, source.context, source.ciphertext)).plaintext;
  const { ciphertext, keyId, keyVersionId, algorithm } = source;
  const key = await deps.keys.find(scope, keyId, SHARED_KEY);
  return deps.keyPairs.decrypt('ReEncrypt', { key, keyVersionId }, algorithm, ciphertext);
}
