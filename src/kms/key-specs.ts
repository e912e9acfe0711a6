import type { Random } from '../base/random.ts';
import type { Suite } from '../crypto/aead.ts';
import type { EncryptionAlgorithm, KeyPairSpec, SignatureAlgorithm } from '../crypto/asymmetric.ts';
import { generatePrivateKey } from '../crypto/key-pair.ts';
import type { MacAlgorithm } from '../crypto/mac.ts';
import type { KeySpec, KeyUsage } from '../metadata/keys.ts';

/**
 * What each kind of key is and may do. Sources: facts.md 2.9; the tables of algorithms in the KMS API reference,
 * AsymmetricEncrypt and AsymmetricSign; disks take AES-256 and SM4 only (facts.md 2.2).
 */
export interface KeySpecRules {
  /** The first is what a key is for when nobody says. */
  readonly usages: readonly KeyUsage[];
  /** Of the symmetric ones; undefined for key pairs, whose material is a PKCS #8 private key. */
  readonly materialSizeBytes: number | undefined;
  /** Whether material may come from outside. Source: KMS user guide, "Import key material". */
  readonly importable: boolean;
  /** How ciphertext blobs are sealed under such a key; undefined: it seals none. */
  readonly blobSuite: Suite | undefined;
  /** The suite of a disk whose data key is under such a key; undefined: disks refuse it. */
  readonly diskSuite: Suite | undefined;
  readonly encryption: readonly EncryptionAlgorithm[];
  readonly signature: readonly SignatureAlgorithm[];
  readonly mac: MacAlgorithm | undefined;
}

const NOTHING = {
  materialSizeBytes: undefined,
  importable: false,
  blobSuite: undefined,
  diskSuite: undefined,
  encryption: [],
  signature: [],
  mac: undefined,
} as const;

function symmetric(blobSuite: Suite, materialSizeBytes: number, diskSuite?: Suite): KeySpecRules {
  return { ...NOTHING, usages: ['ENCRYPT/DECRYPT'], materialSizeBytes, importable: true, blobSuite, diskSuite };
}

const RSA: KeySpecRules = {
  ...NOTHING,
  usages: ['SIGN/VERIFY', 'ENCRYPT/DECRYPT'],
  encryption: ['RSAES_OAEP_SHA_256', 'RSAES_OAEP_SHA_1'],
  signature: ['RSA_PSS_SHA_256', 'RSA_PKCS1_SHA_256'],
};
const ECDSA: KeySpecRules = { ...NOTHING, usages: ['SIGN/VERIFY'], signature: ['ECDSA_SHA_256'] };
const SM2: KeySpecRules = {
  ...NOTHING,
  usages: ['SIGN/VERIFY', 'ENCRYPT/DECRYPT'],
  encryption: ['SM2PKE'],
  signature: ['SM2DSA'],
};

/** A key as long as the hash. Source: RFC 2104 section 3. */
function hmac(mac: MacAlgorithm, materialSizeBytes: number): KeySpecRules {
  return { ...NOTHING, usages: ['GENERATE/VERIFY_MAC'], materialSizeBytes, mac };
}

export const KEY_SPECS: Readonly<Record<KeySpec, KeySpecRules>> = {
  Aliyun_AES_256: symmetric('aes-256-gcm', 32, 'aes-256-gcm'),
  // Blobs are AES-256-GCM under a key that HKDF derives from the shorter material.
  Aliyun_AES_192: symmetric('aes-256-gcm', 24),
  Aliyun_AES_128: symmetric('aes-256-gcm', 16),
  Aliyun_SM4: symmetric('sm4-gcm', 16, 'sm4-gcm'),
  RSA_2048: RSA,
  RSA_3072: RSA,
  EC_P256: ECDSA,
  EC_P256K: ECDSA,
  EC_SM2: SM2,
  // Source of these names: docs/decisions/0025.
  HMAC_SHA224: hmac('HMAC_SHA_224', 28),
  HMAC_SHA256: hmac('HMAC_SHA_256', 32),
  HMAC_SHA384: hmac('HMAC_SHA_384', 48),
  HMAC_SHA512: hmac('HMAC_SHA_512', 64),
  HMAC_SM3: hmac('HMAC_SM3', 32),
};

export function isKeySpec(name: string): name is KeySpec {
  return Object.hasOwn(KEY_SPECS, name);
}

/** Fresh material, owned by the caller, who wipes it. */
export async function generateMaterial(spec: KeySpec, random: Random): Promise<Uint8Array> {
  const { materialSizeBytes } = KEY_SPECS[spec];
  return materialSizeBytes === undefined ? generatePrivateKey(spec as KeyPairSpec) : random.bytes(materialSizeBytes);
}
