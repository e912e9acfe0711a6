/** What clients send of key pairs: public keys, ciphertexts, signatures and import tokens, much of it read by native code. */
import type { KeyPairSpec, PrivateKey, SignatureAlgorithm, WrappingAlgorithm } from '../../src/crypto/asymmetric.ts';
import { generatePrivateKey } from '../../src/crypto/key-pair.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { loadOpenssl } from '../../src/crypto/openssl.ts';
import { sm2CiphertextToDer } from '../../src/crypto/sm2-ciphertext.ts';
import { openImportToken, sealImportToken } from '../../src/kms/import-token.ts';
import { SealedBytes } from '../../src/kms/sealed-bytes.ts';
import { Seeded } from '../sim/seeded.ts';
import type { FuzzTarget } from './fuzz.ts';

const backend = loadOpenssl();
const random = new Seeded(1);
const DIGEST = random.bytes(32);
const KEY_ID = '0e478b7a-4262-4802-b8cb-00d3fb40826b';

async function freshKey(spec: KeyPairSpec): Promise<PrivateKey> {
  return backend.openPrivate(await generatePrivateKey(spec));
}

function publicKeyTarget(keys: readonly PrivateKey[]): FuzzTarget {
  return {
    name: 'public key',
    samples: keys.map((key) => key.publicKeyDer()),
    decode: (bytes) => {
      using key = backend.openPublic(bytes);
      if (key === undefined) return undefined;
      const algorithm = key.spec === 'EC_SM2' ? 'SM2PKE' : 'RSAES_OAEP_SHA_256';
      return key.spec.startsWith('EC_P') ? key.spec : key.encrypt(algorithm, DIGEST).length;
    },
  };
}

function wrappedTarget(key: PrivateKey, algorithm: WrappingAlgorithm, samples: readonly Uint8Array[]): FuzzTarget {
  return {
    name: `wrapped material (${algorithm})`,
    samples,
    isSealed: true,
    decode: (bytes) => key.unwrap(algorithm, bytes, DIGEST.length),
  };
}

function signatureTarget(key: PrivateKey, algorithm: SignatureAlgorithm): FuzzTarget {
  return {
    name: `signature (${algorithm})`,
    samples: [key.sign(algorithm, DIGEST), key.sign(algorithm, DIGEST)],
    isSealed: true,
    decode: (bytes) => (key.verify(algorithm, DIGEST, bytes) ? true : undefined),
  };
}

async function tokenTarget(): Promise<FuzzTarget> {
  const sealer = new SealedBytes(nodeCipherBackend(), random, random.bytes(32));
  const privateKey = await generatePrivateKey('EC_SM2');
  const token = { algorithm: 'SM2PKE', expiresMs: Date.UTC(2026, 10, 24), privateKey } as const;
  const plain = sealer.open(`import-token:${KEY_ID}`, sealImportToken(sealer, KEY_ID, token));
  return {
    name: 'import token',
    samples: [plain],
    fields: [
      [0, 1],
      [1, 1],
      [2, 8],
    ],
    // Sealed again after every change, so that what is inside is read.
    decode: (bytes) => {
      const opened = openImportToken(sealer, KEY_ID, sealer.seal(`import-token:${KEY_ID}`, bytes));
      opened?.privateKey[Symbol.dispose]();
      return opened?.algorithm;
    },
  };
}

export async function keyPairTargets(): Promise<FuzzTarget[]> {
  const [rsa, p256, p256k, sm2] = await Promise.all([
    freshKey('RSA_2048'),
    freshKey('EC_P256'),
    freshKey('EC_P256K'),
    freshKey('EC_SM2'),
  ]);
  const string = sm2.encrypt('SM2PKE', DIGEST);
  return [
    publicKeyTarget([rsa, p256, p256k, sm2]),
    wrappedTarget(rsa, 'RSAES_OAEP_SHA_256', [rsa.encrypt('RSAES_OAEP_SHA_256', DIGEST)]),
    wrappedTarget(rsa, 'RSAES_PKCS1_V1_5', [rsa.encrypt('RSAES_OAEP_SHA_1', DIGEST)]),
    wrappedTarget(sm2, 'SM2PKE', [string, sm2CiphertextToDer(string) ?? string]),
    signatureTarget(rsa, 'RSA_PSS_SHA_256'),
    signatureTarget(p256, 'ECDSA_SHA_256'),
    signatureTarget(sm2, 'SM2DSA'),
    await tokenTarget(),
  ];
}
