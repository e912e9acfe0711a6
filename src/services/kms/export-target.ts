import type { EncryptionAlgorithm } from '../../crypto/asymmetric.ts';
import type { ForeignPublicKey } from '../../kms/key-pairs.ts';
import { encryptionAlgorithm } from './algorithm-parameters.ts';
import { invalidParameter } from './errors.ts';
import { base64Parameter, choiceParameter } from './parameter-values.ts';

/** A SubjectPublicKeyInfo of RSA_2048 has 294 bytes; one with a long public exponent is twice that. */
const PUBLIC_KEY_SIZE_BYTES_MAX = 1024;

interface ExportInput {
  readonly PublicKeyBlob: string;
  readonly WrappingAlgorithm: string;
  readonly WrappingKeySpec: string;
}

/** For whom a data key is exported: the holder of a private key elsewhere. */
export interface ExportTarget extends ForeignPublicKey {
  readonly algorithm: EncryptionAlgorithm;
}

/** What ExportDataKey and GenerateAndExportDataKey take. Source: KMS API reference, ExportDataKey. @throws {ApiError} */
export function parseExportTarget(input: ExportInput): ExportTarget {
  const spec = choiceParameter('WrappingKeySpec', input.WrappingKeySpec, ['RSA_2048', 'EC_SM2']);
  const algorithm = encryptionAlgorithm(input.WrappingAlgorithm, 'WrappingAlgorithm');
  if ((algorithm === 'SM2PKE') !== (spec === 'EC_SM2'))
    throw invalidParameter('WrappingAlgorithm', 'SM2PKE for a key of EC_SM2, and one of RSAES_OAEP_* for RSA_2048');
  return { spec, der: base64Parameter('PublicKeyBlob', input.PublicKeyBlob, PUBLIC_KEY_SIZE_BYTES_MAX), algorithm };
}
