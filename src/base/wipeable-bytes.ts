/**
 * Memory for secrets: the garbage collector never copies it, so that wiping it leaves nothing behind.
 *
 * `new Uint8Array(length)`, `Uint8Array.from` and `slice` put arrays of up to 64 bytes on V8's own heap, whose collector
 * moves them and leaves the old copies as they were. An array over an ArrayBuffer of its own stays where it is.
 */
export function wipeableBytes(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(length));
}

export function wipeableCopy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = wipeableBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
