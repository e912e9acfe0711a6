import assert from 'node:assert/strict';
import { constants, createPublicKey, publicEncrypt } from 'node:crypto';

import type { WrappingAlgorithm } from '../../src/crypto/asymmetric.ts';
import { loadOpenssl } from '../../src/crypto/openssl.ts';

/** What a client does with its key material. @param spki what GetParametersForImport answered, in DER. */
export function wrapFor(spki: Uint8Array, algorithm: WrappingAlgorithm, material: Uint8Array): Uint8Array {
  if (algorithm !== 'RSAES_PKCS1_V1_5') {
    using key = loadOpenssl().openPublic(spki) ?? assert.fail('a public key');
    return key.encrypt(algorithm, material);
  }
  const key = createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' });
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, material);
}
