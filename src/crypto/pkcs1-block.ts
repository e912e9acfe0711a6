import { wipeableCopy } from '../base/wipeable-bytes.ts';

/**
 * The message of a decrypted PKCS #1 v1.5 block, when it is one of exactly `sizeBytes`. Source: RFC 8017 section 7.2.2.
 * The size is known beforehand, so that no branch and no memory access depends on what the block holds: the time taken
 * tells nothing, and the caller gives every refusal the same answer (Bleichenbacher, CRYPTO '98).
 * @returns bytes that the caller wipes; undefined when the block is anything else.
 */
export function messageOfPkcs1Block(block: Uint8Array, sizeBytes: number): Uint8Array | undefined {
  const start = block.length - sizeBytes;
  // 00 02, at least eight bytes that are not zero, 00, message
  if (start < 11) return undefined;
  let wrong = (block[0] ?? 1) | ((block[1] ?? 0) ^ 2) | (block[start - 1] ?? 1);
  for (let index = 2; index < start - 1; index++) wrong |= isZero(block[index] ?? 0);
  const message = wipeableCopy(block.subarray(start));
  if (wrong === 0) return message;
  message.fill(0);
  return undefined;
}

/** 1 for a byte of zero, else 0, without asking. */
const isZero = (byte: number): number => ((byte - 1) >>> 8) & 1;
