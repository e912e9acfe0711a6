import { createHmac, scrypt } from 'node:crypto';

import { assert } from '../base/assert.ts';
import { wipeableBytes, wipeableCopy } from '../base/wipeable-bytes.ts';

const HASH_SIZE_BYTES = 32;

/**
 * HKDF-SHA-256, extract and expand. Source: RFC 5869.
 * @param info says what the key is for. Two purposes never share one `info`.
 * @returns `lengthBytes` bytes that the caller owns and wipes.
 */
export function hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: string, lengthBytes: number): Uint8Array {
  assert(lengthBytes <= 255 * HASH_SIZE_BYTES, 'HKDF makes at most 255 blocks');
  // Not node:crypto's hkdf: it keeps the secret in a key object until that is collected, where nobody can wipe it.
  const extracted = hmacSha256(salt.length === 0 ? new Uint8Array(HASH_SIZE_BYTES) : salt, secret);
  const label = Buffer.from(info, 'utf8');
  const output = wipeableBytes(lengthBytes);
  let block: Uint8Array = new Uint8Array(0);
  for (let filled = 0, counter = 1; filled < lengthBytes; filled += block.length, counter++) {
    const next = hmacSha256(extracted, block, label, Uint8Array.of(counter));
    block.fill(0);
    block = next;
    output.set(block.subarray(0, lengthBytes - filled), filled);
  }
  block.fill(0);
  extracted.fill(0);
  return output;
}

/** HMAC-SHA-256 over the concatenation of `parts`, 32 bytes. Source: RFC 2104. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  const digest = mac.digest();
  const owned = wipeableCopy(digest);
  digest.fill(0);
  return owned;
}

/** Work factors of scrypt: memory is 128 × N × r bytes. Source: RFC 7914 section 2. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB and about a third of a second: an honest start pays it once, a guesser for each guess. */
export const SCRYPT_COST: ScryptCost = { n: 2 ** 17, r: 8, p: 1 };

/** A 32-byte key from a passphrase. The bounds keep a changed parameter file from demanding all memory. */
export function scryptKey(passphrase: Uint8Array, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array> {
  const memoryBytes = 128 * cost.n * cost.r;
  assert(memoryBytes <= 1024 ** 3 && cost.p <= 16, 'scrypt stays within 1 GiB and 16 lanes');
  return new Promise((resolve, reject) => {
    const options = { N: cost.n, r: cost.r, p: cost.p, maxmem: memoryBytes + 1024 ** 2 };
    scrypt(passphrase, salt, 32, options, (error, key) => (error ? reject(error) : resolve(wipeableCopy(key))));
  });
}
