/**
 * Seals the secrets that rows and files carry (AccessKey secrets, PSKs, key material) under a store key.
 * `context` says what the secret belongs to, such as `access-key:LTAI…`, and is authenticated:
 * bytes sealed for one context do not open in another. Implementation: src/root/keyring.ts.
 */
export interface Sealer {
  seal(context: string, plaintext: Uint8Array): Uint8Array;
  /** @throws {SystemError} kind `corrupt`: the bytes were changed, or sealed under another store key or context. */
  open(context: string, sealed: Uint8Array): Uint8Array;
}

/** A sealer whose key may be followed by a new one at any moment; what an earlier one sealed opens until it is forgotten. */
export interface RollingSealer extends Sealer {
  /** What everything begins with that is sealed from now on; what was sealed earlier sorts before it. */
  readonly prefix: Uint8Array;
}
