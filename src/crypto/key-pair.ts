import { generateKeyPair } from 'node:crypto';

import type { KeyPairSpec } from './asymmetric.ts';

const CURVE = { EC_P256: 'prime256v1', EC_P256K: 'secp256k1', EC_SM2: 'SM2' } as const;
const RSA_BITS = { RSA_2048: 2048, RSA_3072: 3072 } as const;
const ENCODINGS = {
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'der' },
} as const;

/** A fresh private key, PKCS #8 in DER, made off the main thread. The caller wipes it. */
export function generatePrivateKey(spec: KeyPairSpec): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, _publicKey: unknown, privateKey: Uint8Array): void =>
      error === null ? resolve(privateKey) : reject(error);
    if (spec === 'RSA_2048' || spec === 'RSA_3072')
      generateKeyPair('rsa', { modulusLength: RSA_BITS[spec], ...ENCODINGS }, done);
    else generateKeyPair('ec', { namedCurve: CURVE[spec], ...ENCODINGS }, done);
  });
}
