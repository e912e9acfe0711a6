/**
 * Seals the secrets that rows carry (AccessKey secrets, PSKs, key material) under a key derived from the root key.
 * `context` says what the secret belongs to, such as `access-key:LTAI…`, and is authenticated:
 * bytes sealed for one context do not open in another. Implementation: src/kms/root-key.ts.
 */
export interface Sealer {
  seal(context: string, plaintext: Uint8Array): Uint8Array;
  /** @throws {SystemError} kind `corrupt`: the bytes were changed, or sealed under another root key or context. */
  open(context: string, sealed: Uint8Array): Uint8Array;
}
