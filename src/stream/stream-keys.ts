/** What a stream's key is used for. Layout and derivations: docs/formats/stream.md, "Keys". */
import { createHash } from 'node:crypto';

import { SystemError } from '../base/errors.ts';
import type { Aead, CipherBackend } from '../crypto/aead.ts';
import { KEY_SIZE_BYTES, NONCE_SIZE_BYTES } from '../crypto/aead.ts';
import { equalInConstantTime } from '../crypto/constant-time.ts';
import { hkdfSha256, hmacSha256 } from '../crypto/kdf.ts';
import { CHUNK_TAG_BYTES, COMMITMENT_AT, MAC_AT } from './stream-header.ts';
import type { StreamHeader } from './stream-header.ts';

const EMPTY = new Uint8Array(0);
const COMMITMENT_BYTES = 32;

/**
 * Names one state of one disk for good: a snapshot's id is random and its map's root is at an address that nothing else
 * ever has. 32 bytes.
 */
export function stateIdentity(state: {
  readonly diskId: string;
  readonly snapshotId: string;
  readonly diskSizeBytes: number;
  readonly root: number;
}): Uint8Array {
  const { diskId, snapshotId, diskSizeBytes, root } = state;
  const text = ['sealdisk/v1/state', diskId, snapshotId, String(diskSizeBytes), String(root)].join('\n');
  return new Uint8Array(createHash('sha256').update(text, 'latin1').digest());
}

/** Fills in commitment and MAC. */
export function authenticateHeader(fields: Uint8Array, { streamId }: StreamHeader, streamKey: Uint8Array): void {
  fields.set(commitment(streamKey, streamId), COMMITMENT_AT);
  fields.set(headerMac(fields, streamId, streamKey), MAC_AT);
}

/**
 * @throws {SystemError} kind `denied`, code `STREAM_KEY_WRONG`: the key is another stream's. Kind `corrupt`, code
 *   `STREAM_DAMAGED`: the header was changed.
 */
export function verifyHeader(bytes: Uint8Array, { streamId }: StreamHeader, streamKey: Uint8Array): void {
  if (!equalInConstantTime(commitment(streamKey, streamId), bytes.subarray(COMMITMENT_AT, MAC_AT)))
    throw new SystemError(
      'denied',
      'STREAM_KEY_WRONG',
      'The key does not belong to this stream, or its header was changed.',
    );
  if (!equalInConstantTime(headerMac(bytes, streamId, streamKey), bytes.subarray(MAC_AT)))
    throw new SystemError('corrupt', 'STREAM_DAMAGED', 'The header of the stream was changed; transfer it again.');
}

/**
 * Seals and opens the chunks of one stream. The key is bound to the whole header, so that a stream that is computed
 * again after a restart repeats a nonce only with the bytes that it had before (docs/decisions/0018-streams.md).
 */
export class ChunkCipher implements Disposable {
  readonly #aead: Aead;

  /** @param header its 4 KiB with commitment and MAC. @param streamKey 32 bytes, the caller's to wipe. */
  constructor(ciphers: CipherBackend, header: Uint8Array, { suite }: StreamHeader, streamKey: Uint8Array) {
    const salt = header.subarray(MAC_AT);
    const key = hkdfSha256(streamKey, salt, `sealdisk/v1/stream-chunks/${suite}`, KEY_SIZE_BYTES[suite]);
    this.#aead = ciphers.createAead(suite, key);
    key.fill(0);
  }

  seal(index: number, content: Uint8Array): Uint8Array {
    const sealed = new Uint8Array(content.length + CHUNK_TAG_BYTES);
    this.#aead.seal(nonce(index), EMPTY, content, EMPTY, sealed);
    return sealed;
  }

  /** @throws {SystemError} kind `corrupt`, code `STREAM_DAMAGED`. */
  open(index: number, sealed: Uint8Array): Uint8Array {
    const content = new Uint8Array(Math.max(0, sealed.length - CHUNK_TAG_BYTES));
    if (sealed.length <= CHUNK_TAG_BYTES || !this.#aead.open(nonce(index), EMPTY, sealed, content, EMPTY))
      throw new SystemError(
        'corrupt',
        'STREAM_DAMAGED',
        `Part ${index} of the stream was changed on its way or is missing; transfer the stream again.`,
      );
    return content;
  }

  [Symbol.dispose](): void {
    this.#aead.wipe();
  }
}

function commitment(streamKey: Uint8Array, streamId: Uint8Array): Uint8Array {
  return hkdfSha256(streamKey, streamId, 'sealdisk/v1/stream-commitment', COMMITMENT_BYTES);
}

function headerMac(bytes: Uint8Array, streamId: Uint8Array, streamKey: Uint8Array): Uint8Array {
  const key = hkdfSha256(streamKey, streamId, 'sealdisk/v1/stream-header', 32);
  try {
    return hmacSha256(key, bytes.subarray(0, MAC_AT));
  } finally {
    key.fill(0);
  }
}

/** Number of the chunk, u64, then zeroes. */
function nonce(index: number): Uint8Array {
  const bytes = Buffer.alloc(NONCE_SIZE_BYTES);
  bytes.writeBigUInt64LE(BigInt(index), 0);
  return bytes;
}
