import { hkdfSha256 } from '../crypto/kdf.ts';

export const ROOT_KEY_SIZE_BYTES = 32;

const NO_SALT = new Uint8Array(0);

/** Names a root key without telling anything of it: 32 hex digits. docs/formats/keyring.md, "Keys". */
export function rootKeyId(rootKey: Uint8Array): string {
  return Buffer.from(hkdfSha256(rootKey, NO_SALT, 'sealdisk/root/id/v1', 16)).toString('hex');
}

/** What seals the keyring, 32 bytes that the caller wipes. The root key itself seals nothing. */
export function keyringKeyOf(rootKey: Uint8Array): Uint8Array {
  return hkdfSha256(rootKey, NO_SALT, 'sealdisk/root/keyring/v1', 32);
}

/** What a root key is wrapped for: bound by every provider that can. */
export const rootKeyContext = (id: string): string => `root-key:${id}`;
