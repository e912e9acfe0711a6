// Two ways to write an SM2 ciphertext. PURE. Source: GB/T 32918.4 (the string), GB/T 35276 section 7.2 (DER).
//
//   string   04 ‖ x (32) ‖ y (32) ‖ hash (32) ‖ ciphertext       C1 ‖ C3 ‖ C2, what KMS answers
//   DER      SEQUENCE { INTEGER x, INTEGER y, OCTET STRING hash, OCTET STRING ciphertext }       what OpenSSL speaks
import { assert } from '../base/assert.ts';
import { SM2_OVERHEAD_BYTES } from './asymmetric.ts';

const COORDINATE_SIZE_BYTES = 32;
const HASH_OFFSET = 1 + 2 * COORDINATE_SIZE_BYTES;
const HASH_SIZE_BYTES = 32;
const STRING_SIZE_BYTES_MAX = 0xf000;
const UNCOMPRESSED_POINT = 0x04;
const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;

/** From either form into DER, of which there is one for each string; undefined when it is neither. */
export function sm2CiphertextToDer(ciphertext: Uint8Array): Uint8Array | undefined {
  if (ciphertext[0] !== SEQUENCE) return derOf(ciphertext);
  const string = stringOf(ciphertext);
  const der = string && derOf(string);
  return der !== undefined && Buffer.compare(der, ciphertext) === 0 ? der : undefined;
}

/** @param der what OpenSSL made. */
export function sm2CiphertextToString(der: Uint8Array): Uint8Array {
  const string = stringOf(der);
  assert(string, 'OpenSSL writes four parts into an SM2 ciphertext');
  return string;
}

function derOf(string: Uint8Array): Uint8Array | undefined {
  if (string[0] !== UNCOMPRESSED_POINT || string.length <= SM2_OVERHEAD_BYTES || string.length > STRING_SIZE_BYTES_MAX)
    return undefined;
  const part = (start: number, end?: number): Uint8Array => string.subarray(start, end);
  return element(
    SEQUENCE,
    Buffer.concat([
      integer(part(1, 1 + COORDINATE_SIZE_BYTES)),
      integer(part(1 + COORDINATE_SIZE_BYTES, HASH_OFFSET)),
      element(OCTET_STRING, part(HASH_OFFSET, SM2_OVERHEAD_BYTES)),
      element(OCTET_STRING, part(SM2_OVERHEAD_BYTES)),
    ]),
  );
}

/** Of bytes from anywhere: what is no such sequence gives undefined, or a string with another DER form. */
function stringOf(der: Uint8Array): Uint8Array | undefined {
  const [sequence] = elements(der);
  const [x, y, hash, ciphertext] = sequence === undefined ? [] : elements(sequence);
  if (x === undefined || y === undefined || hash?.length !== HASH_SIZE_BYTES || ciphertext === undefined)
    return undefined;
  if (Math.max(x.length, y.length) > COORDINATE_SIZE_BYTES + 1) return undefined;
  const string = new Uint8Array(SM2_OVERHEAD_BYTES + ciphertext.length);
  string[0] = UNCOMPRESSED_POINT;
  placeInteger(string, x, HASH_OFFSET - COORDINATE_SIZE_BYTES);
  placeInteger(string, y, HASH_OFFSET);
  string.set(hash, HASH_OFFSET);
  string.set(ciphertext, SM2_OVERHEAD_BYTES);
  return string;
}

function element(tag: number, content: Uint8Array): Uint8Array {
  const size = content.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, Math.floor(size / 0x100), size % 0x100];
  assert(size < 0x10000, 'an SM2 ciphertext is short');
  return Buffer.concat([Uint8Array.from([tag, ...length]), content]);
}

/** Big endian, without leading zeroes, and not negative. */
function integer(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first === -1 ? Uint8Array.of(0) : bytes.subarray(first);
  return element(INTEGER, (digits[0] ?? 0) >= 0x80 ? Buffer.concat([Uint8Array.of(0), digits]) : digits);
}

/** Right-aligned, so that it ends at `end`. */
function placeInteger(target: Uint8Array, digits: Uint8Array, end: number): void {
  const positive = digits.length > COORDINATE_SIZE_BYTES ? digits.subarray(1) : digits;
  target.set(positive, end - positive.length);
}

/** The contents of the elements that follow each other in `der`; what does not fit in there ends the list. */
function elements(der: Uint8Array): Uint8Array[] {
  const contents: Uint8Array[] = [];
  for (let at = 0; at + 2 <= der.length;) {
    const short = der[at + 1] ?? 0;
    const lengthBytes = short < 0x80 ? 0 : short - 0x80;
    if (lengthBytes > 2) break;
    const start = at + 2 + lengthBytes;
    const size = lengthBytes === 0 ? short : der.subarray(at + 2, start).reduce((sum, byte) => sum * 0x100 + byte, 0);
    if (start + size > der.length) break;
    contents.push(der.subarray(start, start + size));
    at = start + size;
  }
  return contents;
}
