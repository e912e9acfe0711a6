import koffi from 'koffi';

/**
 * Reads what the page cache holds without ever waiting for the device. The bytes are the first `length` of the answer
 * and stay there until the next call only: whoever opens sealed slots needs no copy of them. Undefined when they are
 * not all in memory. Source: preadv2(2), RWF_NOWAIT.
 */
export type CachedRead = (fd: number, length: number, position: number) => Uint8Array | undefined;

const RWF_NOWAIT = 8;
const IOVEC_SIZE_BYTES = 16;
/** The longest read that may keep this thread; longer ones go to another. */
const BOUNCE_SIZE_BYTES = 1024 * 1024 + 64 * 1024;

/** Undefined where the system lacks the call; files are read the usual way then. */
export function loadCachedRead(): CachedRead | undefined {
  let preadv2: (fd: number, iov: Uint8Array, count: number, offset: number, flags: number) => number;
  try {
    preadv2 = koffi
      .load(null)
      .func('int64_t preadv2(int fd, const uint8_t *iov, int iovcnt, int64_t offset, int flags)') as typeof preadv2;
  } catch {
    return undefined;
  }
  // The call receives the buffer's address as a number, so the buffer must never be collected: it lives in this closure,
  // which lives as long as the module.
  const bounce = Buffer.allocUnsafeSlow(BOUNCE_SIZE_BYTES);
  const iovec = Buffer.alloc(IOVEC_SIZE_BYTES);
  iovec.writeBigUInt64LE(BigInt(koffi.address(bounce)), 0);
  return (fd, length, position) => {
    if (length > BOUNCE_SIZE_BYTES) return undefined;
    iovec.writeUInt32LE(length, 8);
    return preadv2(fd, iovec, 1, position, RWF_NOWAIT) === length ? bounce : undefined;
  };
}
