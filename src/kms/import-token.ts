// What ties an import to a key, a wrapping key and a day. Stored nowhere: the client brings it back.
// Layout: docs/formats/imported-material.md.
//
//   0   1  version, 1
//   1   1  algorithm: 1 = RSAES_PKCS1_V1_5, 2 = RSAES_OAEP_SHA_1, 3 = RSAES_OAEP_SHA_256, 4 = SM2PKE
//   2   8  end of its life, milliseconds since 1970 (u64, little endian)
//   10  n  private key, PKCS #8 in DER
import { isKind } from '../base/errors.ts';
import { wipeableBytes, wipeableCopy } from '../base/wipeable-bytes.ts';
import type { WrappingAlgorithm } from '../crypto/asymmetric.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import type { Sealer } from '../metadata/sealer.ts';

const VERSION = 1;
const KEY_OFFSET = 10;
/** By its number. */
const ALGORITHMS: readonly (WrappingAlgorithm | undefined)[] = [
  undefined,
  'RSAES_PKCS1_V1_5',
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'SM2PKE',
];

export interface ImportToken {
  readonly algorithm: WrappingAlgorithm;
  readonly expiresMs: number;
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array;
}

/** @param token its private key is not retained. */
export function sealImportToken(sealer: Sealer, keyId: string, token: ImportToken): Uint8Array {
  const content = wipeableBytes(KEY_OFFSET + token.privateKey.length);
  content[0] = VERSION;
  content[1] = ALGORITHMS.indexOf(token.algorithm);
  new DataView(content.buffer).setBigUint64(2, BigInt(token.expiresMs), true);
  content.set(token.privateKey, KEY_OFFSET);
  try {
    return sealer.seal(contextOf(keyId), content);
  } finally {
    content.fill(0);
  }
}

/** What `sealImportToken` made for the same key, expired or not; undefined for all else. The receiver disposes it. */
export function openImportToken(
  sealer: Sealer,
  keyId: string,
  sealed: Uint8Array,
): (Omit<ImportToken, 'privateKey'> & { readonly privateKey: SecretBytes }) | undefined {
  const content = opened(sealer, keyId, sealed);
  if (content === undefined) return undefined;
  try {
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    const algorithm = ALGORITHMS[content[1] ?? 0];
    if (content[0] !== VERSION || content.length <= KEY_OFFSET || algorithm === undefined) return undefined;
    const expiresMs = Number(view.getBigUint64(2, true));
    return { algorithm, expiresMs, privateKey: new SecretBytes(wipeableCopy(content.subarray(KEY_OFFSET))) };
  } finally {
    content.fill(0);
  }
}

function opened(sealer: Sealer, keyId: string, sealed: Uint8Array): Uint8Array | undefined {
  try {
    return sealer.open(contextOf(keyId), sealed);
  } catch (error) {
    // The bytes come from a client: that they do not open is no damage of ours.
    if (isKind(error, 'corrupt')) return undefined;
    throw error;
  }
}

const contextOf = (keyId: string): string => `import-token:${keyId}`;
