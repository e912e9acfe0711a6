/** Records that are stored twice, one copy after the other: a flipped bit is found and costs nothing. */

export function concatCopies(copy: Uint8Array): Uint8Array {
  const both = new Uint8Array(copy.length * 2);
  both.set(copy, 0);
  both.set(copy, copy.length);
  return both;
}

export interface CopiesRead<T> {
  /** What each place holds, undefined where it does not verify. */
  readonly first: T | undefined;
  readonly second: T | undefined;
}

/** Decodes the two halves of `both`; with an odd or impossible length neither verifies. */
export function decodeCopies<T>(both: Uint8Array, decode: (copy: Uint8Array) => T | undefined): CopiesRead<T> {
  if (both.length === 0 || both.length % 2 !== 0) return { first: undefined, second: undefined };
  const half = both.length / 2;
  return { first: decode(both.subarray(0, half)), second: decode(both.subarray(half)) };
}

/** Where a record says how many bytes one copy of it has. Source: docs/formats/table.md. */
const SIZE_AT = 12;

/**
 * The same for records that carry their own size, so that a file that lost or gained bytes at its end costs no more than
 * the copy it touched. Where the size itself is damaged, half of the file is tried.
 */
export function decodeSizedCopies<T>(
  both: Uint8Array,
  decode: (copy: Uint8Array) => T | undefined,
): CopiesRead<T> & { readonly exact: boolean } {
  const sizes = [Math.floor(both.length / 2)];
  if (both.length >= SIZE_AT + 4)
    sizes.unshift(new DataView(both.buffer, both.byteOffset, both.byteLength).getUint32(SIZE_AT, true));
  for (const size of sizes) {
    if (size === 0 || size > both.length) continue;
    const first = decode(both.subarray(0, size));
    const second = size * 2 <= both.length ? decode(both.subarray(size, size * 2)) : undefined;
    if (first !== undefined || second !== undefined) return { first, second, exact: size * 2 === both.length };
  }
  return { first: undefined, second: undefined, exact: false };
}
