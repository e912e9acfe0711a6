import { createHmac } from 'node:crypto';

/** HMAC (RFC 2104) over a hash. Names as in the KMS API. */
export type MacAlgorithm = 'HMAC_SHA_224' | 'HMAC_SHA_256' | 'HMAC_SHA_384' | 'HMAC_SHA_512' | 'HMAC_SM3';

/** Sources: FIPS 180-4; GB/T 32905. */
const HASH: Readonly<Record<MacAlgorithm, string>> = {
  HMAC_SHA_224: 'sha224',
  HMAC_SHA_256: 'sha256',
  HMAC_SHA_384: 'sha384',
  HMAC_SHA_512: 'sha512',
  HMAC_SM3: 'sm3',
};

/** As long as the hash. Compare with `equalInConstantTime`. */
export function mac(algorithm: MacAlgorithm, key: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac(HASH[algorithm], key).update(message).digest();
}
