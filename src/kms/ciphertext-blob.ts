// What Encrypt and GenerateDataKey answer. PURE. Layout: docs/formats/ciphertext-blob.md.
//
//   0   36  key version id, ASCII
//   36   1  format: 1 = AES-256-GCM, 2 = SM4-GCM
//   37  32  salt, random
//   69  32  commitment to the key
//   101 12  nonce, random
//   113  n  ciphertext
//   …   16  tag
import { assert } from '../base/assert.ts';
import type { Random } from '../base/random.ts';
import { wipeableBytes } from '../base/wipeable-bytes.ts';
import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES, TAG_SIZE_BYTES } from '../crypto/aead.ts';
import type { CipherBackend, Suite } from '../crypto/aead.ts';
import { equalInConstantTime } from '../crypto/constant-time.ts';
import { hkdfSha256 } from '../crypto/kdf.ts';
import { canonicalContext } from './encryption-context.ts';
import type { EncryptionContext } from './encryption-context.ts';

const ID_SIZE_BYTES = 36;
const FORMAT_OFFSET = 36;
const SALT_OFFSET = 37;
const COMMITMENT_OFFSET = 69;
const NONCE_OFFSET = 101;
const BODY_OFFSET = 113;
export const BLOB_OVERHEAD_BYTES = BODY_OFFSET + TAG_SIZE_BYTES;

const FORMAT: Readonly<Record<Suite, number>> = { 'aes-256-gcm': 1, 'sm4-gcm': 2 };
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const EMPTY = new Uint8Array(0);

/** What a blob is sealed and opened with. `material` is a key version's, 16 or 32 bytes. */
export interface BlobKey {
  readonly keyVersionId: string;
  readonly suite: Suite;
  readonly material: Uint8Array;
}

/** Seals `plaintext` under a key of its own, derived from the material and a fresh salt: no limit on how many. */
export function sealBlob(
  ciphers: CipherBackend,
  random: Random,
  key: BlobKey,
  context: EncryptionContext,
  plaintext: Uint8Array,
): Uint8Array {
  assert(ID.test(key.keyVersionId), 'a key version id is a lower-case UUID');
  const blob = new Uint8Array(BLOB_OVERHEAD_BYTES + plaintext.length);
  blob.set(Buffer.from(key.keyVersionId, 'latin1'), 0);
  blob[FORMAT_OFFSET] = FORMAT[key.suite];
  blob.set(random.bytes(COMMITMENT_OFFSET - SALT_OFFSET), SALT_OFFSET);
  blob.set(random.bytes(NONCE_SIZE_BYTES), NONCE_OFFSET);
  const derived = derive(key, blob);
  blob.set(derived.commitment, COMMITMENT_OFFSET);
  const aead = ciphers.createAead(key.suite, derived.key);
  derived.key.fill(0);
  try {
    const nonce = blob.subarray(NONCE_OFFSET, BODY_OFFSET);
    aead.seal(nonce, associatedData(blob, context), plaintext, EMPTY, blob.subarray(BODY_OFFSET));
  } finally {
    aead.wipe();
  }
  return blob;
}

/** Which key version would open these bytes; undefined when they are no blob at all. */
export function keyVersionOf(blob: Uint8Array): string | undefined {
  if (blob.length < BLOB_OVERHEAD_BYTES) return undefined;
  const id = Buffer.from(blob.subarray(0, ID_SIZE_BYTES)).toString('latin1');
  return ID.test(id) ? id : undefined;
}

/** The plaintext, which the caller wipes; undefined when anything does not fit: key, context, or a changed byte. */
export function openBlob(
  ciphers: CipherBackend,
  key: BlobKey,
  context: EncryptionContext,
  blob: Uint8Array,
): Uint8Array | undefined {
  if (keyVersionOf(blob) !== key.keyVersionId || blob[FORMAT_OFFSET] !== FORMAT[key.suite]) return undefined;
  const derived = derive(key, blob);
  if (!equalInConstantTime(derived.commitment, blob.subarray(COMMITMENT_OFFSET, NONCE_OFFSET))) {
    derived.key.fill(0);
    return undefined;
  }
  const aead = ciphers.createAead(key.suite, derived.key);
  derived.key.fill(0);
  try {
    const plaintext = wipeableBytes(blob.length - BLOB_OVERHEAD_BYTES);
    const nonce = blob.subarray(NONCE_OFFSET, BODY_OFFSET);
    const aad = associatedData(blob, context);
    return aead.open(nonce, aad, blob.subarray(BODY_OFFSET), plaintext, EMPTY) ? plaintext : undefined;
  } finally {
    aead.wipe();
  }
}

/** HKDF(material, salt, version id and format) = key ‖ commitment: no second material gives the same commitment. */
function derive(key: BlobKey, blob: Uint8Array): { readonly key: Uint8Array; readonly commitment: Uint8Array } {
  const keySize = KEY_SIZE_BYTES[key.suite];
  const salt = blob.subarray(SALT_OFFSET, COMMITMENT_OFFSET);
  const info = `sealdisk/ciphertext-blob/v1/${key.keyVersionId}/${key.suite}`;
  const output = hkdfSha256(key.material, salt, info, keySize + NONCE_OFFSET - COMMITMENT_OFFSET);
  return { key: output.subarray(0, keySize), commitment: output.subarray(keySize) };
}

/** Everything before the nonce, then the context. */
function associatedData(blob: Uint8Array, context: EncryptionContext): Uint8Array {
  return Buffer.concat([blob.subarray(0, NONCE_OFFSET), canonicalContext(context)]);
}
