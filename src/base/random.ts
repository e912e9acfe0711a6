/** Randomness as an argument. `bytes` is cryptographically strong in production and seeded under the simulator. */
export interface Random {
  /** `length` fresh random bytes, owned by the caller. */
  bytes(length: number): Uint8Array;
}

const ID_ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** `length` characters of `[0-9a-z]`, uniform. */
export function randomId(random: Random, length: number): string {
  let id = '';
  while (id.length < length) {
    for (const byte of random.bytes(length)) {
      // 252 is the largest multiple of 36 below 256: reject the rest so that every character is equally likely.
      if (byte < 252 && id.length < length) id += ID_ALPHABET[byte % 36];
    }
  }
  return id;
}

/** A random (version 4) UUID, lower case. Source: RFC 9562 section 5.4. */
export function randomUuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
