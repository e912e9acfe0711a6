/** What a client signs with SM2DSA: SM3(Z ‖ message). Source: GB/T 32918.2 section 5.5; the curve: GB/T 32918.5. */
import { createHash } from 'node:crypto';

export const SM2_DEFAULT_ID = '1234567812345678';

const CURVE_HEX = [
  'fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc', // a
  '28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93', // b
  '32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7', // x of G
  'bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0', // y of G
].join('');

/** @param spki the signer's public key; its last 64 bytes are the coordinates of its point. */
export function sm2Digest(spki: Uint8Array, message: Uint8Array, id = SM2_DEFAULT_ID): Buffer {
  const bits = Buffer.alloc(2);
  bits.writeUInt16BE(id.length * 8);
  const sm3 = (...parts: (Uint8Array | string)[]): Buffer =>
    parts.reduce((hash, part) => hash.update(part), createHash('sm3')).digest();
  return sm3(sm3(bits, id, Buffer.from(CURVE_HEX, 'hex'), spki.subarray(-64)), message);
}
