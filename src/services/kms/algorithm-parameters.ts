import { DIGEST_SIZE_BYTES } from '../../crypto/asymmetric.ts';
import type { EncryptionAlgorithm, SignatureAlgorithm, WrappingAlgorithm } from '../../crypto/asymmetric.ts';
import type { MacAlgorithm } from '../../crypto/mac.ts';
import { invalidParameter } from './errors.ts';
import { base64Parameter, choiceParameter } from './parameter-values.ts';

const ENCRYPTION: readonly EncryptionAlgorithm[] = ['RSAES_OAEP_SHA_256', 'RSAES_OAEP_SHA_1', 'SM2PKE'];
const SIGNATURE: readonly SignatureAlgorithm[] = ['RSA_PSS_SHA_256', 'RSA_PKCS1_SHA_256', 'ECDSA_SHA_256', 'SM2DSA'];
const MAC: readonly MacAlgorithm[] = ['HMAC_SHA_224', 'HMAC_SHA_256', 'HMAC_SHA_384', 'HMAC_SHA_512', 'HMAC_SM3'];
const RSA_WRAPPING: readonly WrappingAlgorithm[] = ['RSAES_PKCS1_V1_5', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'];

/** Of AsymmetricEncrypt and its kin. @throws {ApiError} InvalidParameter. */
export function encryptionAlgorithm(text: string, name = 'Algorithm'): EncryptionAlgorithm {
  return choiceParameter(name, text, ENCRYPTION);
}

/** Of AsymmetricSign and AsymmetricVerify. @throws {ApiError} InvalidParameter. */
export function signatureAlgorithm(text: string): SignatureAlgorithm {
  return choiceParameter('Algorithm', text, SIGNATURE);
}

/** Of GenerateMac and VerifyMac. @throws {ApiError} InvalidParameter. */
export function macAlgorithm(text: string): MacAlgorithm {
  return choiceParameter('Algorithm', text, MAC);
}

/** What is signed: always as long as the hash. @throws {ApiError} InvalidParameter. */
export function digestParameter(text: string): Uint8Array {
  const digest = base64Parameter('Digest', text, DIGEST_SIZE_BYTES);
  if (digest.length !== DIGEST_SIZE_BYTES) throw invalidParameter('Digest', `Base64 of ${DIGEST_SIZE_BYTES} bytes`);
  return digest;
}

/** Of GetParametersForImport: algorithm and kind of key go together. @throws {ApiError} InvalidParameter. */
export function wrappingAlgorithm(text: string, keySpec: string): WrappingAlgorithm {
  if (choiceParameter('WrappingKeySpec', keySpec, ['RSA_2048', 'EC_SM2']) === 'EC_SM2')
    return choiceParameter('WrappingAlgorithm', text, ['SM2PKE']);
  return choiceParameter('WrappingAlgorithm', text, RSA_WRAPPING);
}
