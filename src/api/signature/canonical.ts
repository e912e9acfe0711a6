// The pieces that both signature styles are made of. Only web-standard globals: the console signs with these too.
// Source: docs/protocols/rpc.md, Signatures.

const utf8 = new TextEncoder();

/**
 * Percent-encodes everything but `A-Z a-z 0-9 - _ . ~`, as UTF-8 in upper-case hex. Source: RFC 3986 section 2.
 * Lone surrogates become U+FFFD.
 */
export function percentEncode(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** `k=v&…` with encoded values, sorted by key as it is before encoding. */
export function canonicalQuery(
  parameters: Iterable<readonly [string, string]>,
  encodeKey: (key: string) => string = percentEncode,
): string {
  return [...parameters]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, value]) => `${encodeKey(key)}=${percentEncode(value)}`)
    .join('&');
}

export async function sha256Hex(data: string | Uint8Array<ArrayBuffer>): Promise<string> {
  const bytes = typeof data === 'string' ? utf8.encode(data) : data;
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}

/** The MAC of `text` under `secret` with `suffix` appended. */
export async function hmac(
  hash: 'SHA-1' | 'SHA-256',
  secret: string | Uint8Array,
  suffix: string,
  text: string,
): Promise<Uint8Array> {
  const secretBytes = typeof secret === 'string' ? utf8.encode(secret) : secret;
  const suffixBytes = utf8.encode(suffix);
  const keyBytes = new Uint8Array(secretBytes.length + suffixBytes.length);
  keyBytes.set(secretBytes);
  keyBytes.set(suffixBytes, secretBytes.length);
  const key = await crypto.subtle.importKey('raw', keyBytes, { name: 'HMAC', hash }, false, ['sign']);
  keyBytes.fill(0);
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(text)));
}

/** Whether two texts are equal, in a time that depends on their lengths only. */
export function equalInConstantTime(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i % Math.max(1, b.length));
  return difference === 0;
}

/** Lower case. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
