/** How a stream's key is wrapped, as the header carries it. PURE. Layout: docs/formats/stream.md, "Key section". */
import { assert } from '../base/assert.ts';
import type { ScryptCost } from '../crypto/kdf.ts';

/** Under a key of the same installation, or under a passphrase for another one. */
export type WrappedStreamKey =
  | { readonly by: 'kms'; readonly kmsKeyId: string; readonly blob: Uint8Array }
  | {
      readonly by: 'passphrase';
      readonly cost: ScryptCost;
      /** 32 bytes. */
      readonly salt: Uint8Array;
      /** docs/formats/root-key.md, "Sealed bytes". */
      readonly sealed: Uint8Array;
    };

const KEY_ID_BYTES = 64;
const SALT_BYTES = 32;
const SEALED_BYTES_MAX = 1024;
const KMS = 1;
const PASSPHRASE = 2;

export function encodeKeySection(key: WrappedStreamKey): Uint8Array {
  const out = Buffer.alloc(8 + KEY_ID_BYTES + SEALED_BYTES_MAX);
  const sealed = key.by === 'kms' ? key.blob : key.sealed;
  assert(sealed.length > 0 && sealed.length <= SEALED_BYTES_MAX, 'a wrapped stream key is short');
  out[0] = key.by === 'kms' ? KMS : PASSPHRASE;
  out.writeUInt16LE(sealed.length, 2);
  if (key.by === 'kms') {
    assert(key.kmsKeyId.length < KEY_ID_BYTES, 'a key id fits into its field');
    out.write(key.kmsKeyId, 8, 'latin1');
  } else {
    out.writeUInt32LE(key.cost.n, 8);
    out.writeUInt32LE(key.cost.r, 12);
    out.writeUInt32LE(key.cost.p, 16);
    out.set(key.salt, 20);
  }
  out.set(sealed, 8 + KEY_ID_BYTES);
  return out.subarray(0, 8 + KEY_ID_BYTES + sealed.length);
}

/** Undefined for what nobody wrapped, and for a cost that would take the machine down. */
export function decodeKeySection(input: Buffer): WrappedStreamKey | undefined {
  const length = input.readUInt16LE(2);
  if (length === 0 || length > SEALED_BYTES_MAX) return undefined;
  const sealed = new Uint8Array(input.subarray(8 + KEY_ID_BYTES, 8 + KEY_ID_BYTES + length));
  if (input[0] === KMS) {
    const kmsKeyId = input.toString('latin1', 8, 8 + KEY_ID_BYTES).replace(/\0+$/, '');
    return /^[\w.-]{1,63}$/.test(kmsKeyId) ? { by: 'kms', kmsKeyId, blob: sealed } : undefined;
  }
  if (input[0] !== PASSPHRASE) return undefined;
  const cost = { n: input.readUInt32LE(8), r: input.readUInt32LE(12), p: input.readUInt32LE(16) };
  // Somebody else chose them: twice the memory that we ask for, and four lanes.
  const bearable =
    cost.n >= 2 &&
    Math.log2(cost.n) % 1 === 0 &&
    cost.r >= 1 &&
    128 * cost.n * cost.r <= 256 * 1024 ** 2 &&
    cost.p >= 1 &&
    cost.p <= 4;
  if (!bearable) return undefined;
  return { by: 'passphrase', cost, salt: new Uint8Array(input.subarray(20, 20 + SALT_BYTES)), sealed };
}
