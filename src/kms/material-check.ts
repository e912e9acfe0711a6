// Tells for ever whether bytes are the material that a key was given first. Layout: docs/formats/imported-material.md.
//
//   0   32  salt, random
//   32  32  HKDF-SHA-256(material, salt, info)
import type { Random } from '../base/random.ts';
import { equalInConstantTime } from '../crypto/constant-time.ts';
import { hkdfSha256 } from '../crypto/kdf.ts';

const SALT_SIZE_BYTES = 32;
const DIGEST_SIZE_BYTES = 32;

/** It tells no more about the material than the commitment of any ciphertext blob under it does. */
export function makeMaterialCheck(random: Random, keyVersionId: string, material: Uint8Array): Uint8Array {
  const salt = random.bytes(SALT_SIZE_BYTES);
  return Buffer.concat([salt, digest(material, salt, keyVersionId)]);
}

export function fitsMaterialCheck(check: Uint8Array, keyVersionId: string, material: Uint8Array): boolean {
  const expected = digest(material, check.subarray(0, SALT_SIZE_BYTES), keyVersionId);
  return equalInConstantTime(check.subarray(SALT_SIZE_BYTES), expected);
}

function digest(material: Uint8Array, salt: Uint8Array, keyVersionId: string): Uint8Array {
  return hkdfSha256(material, salt, `sealdisk/imported-material/v1/${keyVersionId}`, DIGEST_SIZE_BYTES);
}
