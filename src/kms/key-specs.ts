import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';

import type { Random } from '../base/random.ts';
import type { Suite } from '../crypto/aead.ts';
import type { KeySpec, KeyUsage } from '../metadata/keys.ts';

/** What each kind of key is and may do. Source: facts.md 2.9; disks take AES-256 and SM4 only (facts.md 2.2). */
export interface KeySpecRules {
  /** How ciphertext blobs are sealed under such a key; undefined for asymmetric keys, which seal none. */
  readonly blobSuite: Suite | undefined;
  /** The suite of a disk whose data key is under such a key; undefined: disks refuse it. */
  readonly diskSuite: Suite | undefined;
  readonly usages: readonly KeyUsage[];
  readonly materialSizeBytes: number | undefined;
}

export const KEY_SPECS: Readonly<Record<KeySpec, KeySpecRules>> = {
  Aliyun_AES_256: symmetric('aes-256-gcm', 'aes-256-gcm', 32),
  Aliyun_SM4: symmetric('sm4-gcm', 'sm4-gcm', 16),
  // Blobs are AES-256-GCM under a key that HKDF derives from the 128-bit material.
  Aliyun_AES_128: symmetric('aes-256-gcm', undefined, 16),
  RSA_2048: {
    blobSuite: undefined,
    diskSuite: undefined,
    usages: ['ENCRYPT/DECRYPT', 'SIGN/VERIFY'],
    materialSizeBytes: undefined,
  },
};

function symmetric(blobSuite: Suite, diskSuite: Suite | undefined, materialSizeBytes: number): KeySpecRules {
  return { blobSuite, diskSuite, usages: ['ENCRYPT/DECRYPT'], materialSizeBytes };
}

export function isKeySpec(name: string): name is KeySpec {
  return Object.hasOwn(KEY_SPECS, name);
}

const rsaKeyPair = promisify(generateKeyPair);

/** Fresh material, owned by the caller, who wipes it. */
export async function generateMaterial(spec: KeySpec, random: Random): Promise<Uint8Array> {
  const { materialSizeBytes } = KEY_SPECS[spec];
  if (materialSizeBytes !== undefined) return random.bytes(materialSizeBytes);
  const { privateKey } = await rsaKeyPair('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'der' });
}
