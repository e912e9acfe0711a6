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
