import { createHmac, hkdfSync, scrypt } from 'node:crypto';

import { assert } from '../base/assert.ts';

/**
 * HKDF-SHA-256, extract and expand. Source: RFC 5869.
 * @param info says what the key is for. Two purposes never share one `info`.
 * @returns `lengthBytes` bytes that the caller owns and wipes.
 */
export function hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: string, lengthBytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, lengthBytes));
}

/** HMAC-SHA-256 over the concatenation of `parts`, 32 bytes. Source: RFC 2104. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
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
    scrypt(passphrase, salt, 32, options, (error, key) => (error ? reject(error) : resolve(new Uint8Array(key))));
  });
}
