/** Reads a whole stream in order: opens each chunk, and tells what it changes. */
import { SystemError } from '../base/errors.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { chunkCount, chunkPlace, decodeHeader, STREAM_HEADER_BYTES } from './stream-header.ts';
import type { StreamHeader } from './stream-header.ts';
import { ChunkCipher, verifyHeader } from './stream-keys.ts';
import { RecordReader } from './stream-records.ts';
import type { StreamChange } from './stream-records.ts';

export class StreamReader implements Disposable {
  readonly header: StreamHeader;
  readonly chunks: number;
  readonly #cipher: ChunkCipher;
  readonly #records: RecordReader;
  #next = 0;

  /**
   * @param streamKey 32 bytes, the caller's to wipe.
   * @throws {SystemError} codes `NOT_A_STREAM`, `STREAM_TOO_NEW`, `STREAM_KEY_WRONG`, `STREAM_DAMAGED`.
   */
  constructor(ciphers: CipherBackend, headerBytes: Uint8Array, streamKey: Uint8Array) {
    this.header = decodeHeader(headerBytes.subarray(0, STREAM_HEADER_BYTES));
    verifyHeader(headerBytes, this.header, streamKey);
    this.chunks = chunkCount(this.header.bodyBytes);
    this.#cipher = new ChunkCipher(ciphers, headerBytes, this.header, streamKey);
    this.#records = new RecordReader(this.header.diskSizeBytes);
  }

  /** Where the next chunk lies; undefined behind the last one. */
  get nextPlace(): { readonly at: number; readonly lengthBytes: number } | undefined {
    return this.#next < this.chunks ? chunkPlace(this.header.bodyBytes, this.#next) : undefined;
  }

  /**
   * The changes of the next chunk; all of them are to be taken before the next call.
   * @throws {SystemError} kind `corrupt`, codes `STREAM_DAMAGED`, `STREAM_MALFORMED`.
   */
  push(sealed: Uint8Array): Generator<StreamChange, void> {
    const content = this.#cipher.open(this.#next, sealed);
    this.#next += 1;
    return this.#records.push(content);
  }

  /** To be called behind the last chunk. @throws {SystemError} kind `corrupt`, code `STREAM_MALFORMED`. */
  finish(): void {
    const { dataBlocks } = this.header;
    if (this.#next === this.chunks && this.#records.isComplete && this.#records.dataBlocks === dataBlocks) return;
    throw new SystemError('corrupt', 'STREAM_MALFORMED', 'The content of the stream ends too early.');
  }

  [Symbol.dispose](): void {
    this.#cipher[Symbol.dispose]();
  }
}
