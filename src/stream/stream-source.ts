/** A state of a disk as a sealed stream, any part of which can be had at any time, and is the same every time. */
import { BLOCK_SIZE_BYTES } from '../base/units.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { CHUNK_BYTES, CHUNK_TAG_BYTES, encodeHeaderFields, STREAM_HEADER_BYTES, streamBytes } from './stream-header.ts';
import type { StreamHeader } from './stream-header.ts';
import { authenticateHeader, ChunkCipher } from './stream-keys.ts';
import { changesOf, StreamLayout } from './stream-layout.ts';
import type { PlacedRecord, StateToSend } from './stream-layout.ts';
import { DATA, encodeBlocksHeader, encodeRun, RECORD_BLOCKS } from './stream-records.ts';

/** Sealed chunks that are kept: readers go forward, a few requests at a time. */
const CHUNKS_KEPT = 8;

export class StreamSource implements Disposable {
  readonly header: StreamHeader;
  readonly sizeBytes: number;
  readonly #state: StateToSend;
  readonly #layout: StreamLayout;
  readonly #headerBytes: Uint8Array;
  readonly #cipher: ChunkCipher;
  readonly #chunks = new Map<number, Promise<Uint8Array>>();

  /**
   * Computes the layout, which takes one walk over the map of the state.
   * @param streamKey 32 bytes, the caller's to wipe.
   */
  static async of(
    ciphers: CipherBackend,
    state: StateToSend,
    fields: Omit<StreamHeader, 'bodyBytes' | 'dataBlocks' | 'diskSizeBytes'>,
    streamKey: Uint8Array,
  ): Promise<StreamSource> {
    const layout = await StreamLayout.of(state);
    const { bodyBytes, dataBlocks } = layout;
    const header = { ...fields, bodyBytes, dataBlocks, diskSizeBytes: state.sizeBytes };
    const headerBytes = encodeHeaderFields(header);
    authenticateHeader(headerBytes, header, streamKey);
    return new StreamSource(
      state,
      layout,
      header,
      headerBytes,
      new ChunkCipher(ciphers, headerBytes, header, streamKey),
    );
  }

  private constructor(
    state: StateToSend,
    layout: StreamLayout,
    header: StreamHeader,
    headerBytes: Uint8Array,
    cipher: ChunkCipher,
  ) {
    this.#state = state;
    this.#layout = layout;
    this.header = header;
    this.#headerBytes = headerBytes;
    this.#cipher = cipher;
    this.sizeBytes = streamBytes(header);
  }

  /**
   * `length` bytes of the stream, which lie inside it.
   * @throws {SystemError} kind `corrupt`: a block of the state could not be read; it is not left out silently.
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    let at = offset;
    const put = (piece: Uint8Array): void => {
      const part = piece.subarray(0, offset + length - at);
      out.set(part, at - offset);
      at += part.length;
    };
    if (at < STREAM_HEADER_BYTES) put(this.#headerBytes.subarray(at));
    while (at < offset + length) {
      const behind = at - STREAM_HEADER_BYTES;
      const index = Math.floor(behind / (CHUNK_BYTES + CHUNK_TAG_BYTES));
      put((await this.#chunk(index)).subarray(behind % (CHUNK_BYTES + CHUNK_TAG_BYTES)));
    }
    return out;
  }

  [Symbol.dispose](): void {
    this.#cipher[Symbol.dispose]();
    this.#chunks.clear();
  }

  #chunk(index: number): Promise<Uint8Array> {
    const kept = this.#chunks.get(index);
    if (kept !== undefined) return kept;
    const made = this.#sealChunk(index);
    this.#chunks.set(index, made);
    made.catch(() => this.#chunks.delete(index));
    const [oldest] = this.#chunks.keys();
    if (this.#chunks.size > CHUNKS_KEPT && oldest !== undefined) this.#chunks.delete(oldest);
    return made;
  }

  async #sealChunk(index: number): Promise<Uint8Array> {
    const { bodyBytes } = this.header;
    const from = index * CHUNK_BYTES;
    const content = await this.#content(from, Math.min(CHUNK_BYTES, bodyBytes - from));
    const sealed = this.#cipher.seal(index, content);
    content.fill(0);
    return sealed;
  }

  /** `length` bytes of the content. */
  async #content(from: number, length: number): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    const end = from + length;
    for (let index = this.#layout.indexAt(from); index < this.#layout.records; index++) {
      const record = this.#layout.record(index);
      if (record.at >= end) break;
      const cut = { from: Math.max(0, from - record.at), to: Math.min(record.lengthBytes, end - record.at) };
      await this.#putRecord(record, cut, out.subarray(record.at + cut.from - from));
    }
    return out;
  }

  /** Puts the part of a record between two of its offsets to the beginning of `out`. */
  async #putRecord(
    record: PlacedRecord,
    cut: { readonly from: number; readonly to: number },
    out: Uint8Array,
  ): Promise<void> {
    if (record.run !== undefined) {
      out.set(encodeRun(record.firstBlock, record.run.blocks, record.run.change).subarray(cut.from, cut.to));
      return;
    }
    const changes = await changesOf(this.#state, record.firstBlock);
    const head = encodeBlocksHeader(record.firstBlock, changes);
    out.set(head.subarray(Math.min(cut.from, head.length), Math.min(cut.to, head.length)));
    let at = head.length;
    for (let i = 0; i < RECORD_BLOCKS && at < cut.to;) {
      let end = i;
      while (end < RECORD_BLOCKS && changes[end] === DATA) end += 1;
      const lengthBytes = (end - i) * BLOCK_SIZE_BYTES;
      if (lengthBytes > 0 && at + lengthBytes > cut.from) {
        const skip = Math.max(0, cut.from - at);
        const wanted = Math.min(at + lengthBytes, cut.to) - (at + skip);
        const offset = (record.firstBlock + i) * BLOCK_SIZE_BYTES + skip;
        out.set(await this.#state.read(offset, wanted), at + skip - cut.from);
      }
      at += lengthBytes;
      i = Math.max(end, i + 1);
    }
  }
}
