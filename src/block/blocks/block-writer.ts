import { BLOCK_SIZE_BYTES } from '../../base/units.ts';
import { HOLE, ZERO } from '../format/address.ts';
import type { Log } from '../log/log.ts';
import type { BlockReader } from './block-reader.ts';
import type { BlockResolver } from './block-resolver.ts';
import type { ReadableState } from './readable-state.ts';

/**
 * Puts changes into the log and the overlay. Each block changes as a whole or not at all; the order of two writes to
 * one block is the order of their slots. What a method answers is the log, whose `written` says when it has the bytes.
 */
export class BlockWriter {
  readonly #state: ReadableState;
  readonly #resolver: BlockResolver;
  readonly #reader: BlockReader;

  constructor(state: ReadableState, resolver: BlockResolver, reader: BlockReader) {
    this.#state = state;
    this.#resolver = resolver;
    this.#reader = reader;
  }

  /** Appends whole blocks for as long as nothing has to be waited for; answers how many bytes that were. */
  writeAtOnce(log: Log, offset: number, data: Uint8Array): number {
    if (offset % BLOCK_SIZE_BYTES !== 0 || data.length % BLOCK_SIZE_BYTES !== 0) return 0;
    const end = Math.min(data.length, log.room * BLOCK_SIZE_BYTES);
    for (let at = 0; at < end; at += BLOCK_SIZE_BYTES)
      this.#put(log, (offset + at) / BLOCK_SIZE_BYTES, data.subarray(at, at + BLOCK_SIZE_BYTES));
    return end;
  }

  /** Any offset and length. */
  async write(log: Log, offset: number, data: Uint8Array): Promise<void> {
    let at = 0;
    while (at < data.length) {
      const block = Math.floor((offset + at) / BLOCK_SIZE_BYTES);
      const within = (offset + at) % BLOCK_SIZE_BYTES;
      const part = data.subarray(at, at + Math.min(BLOCK_SIZE_BYTES - within, data.length - at));
      if (part.length === BLOCK_SIZE_BYTES) {
        for (let wait = log.ready(); wait !== undefined; wait = log.ready()) await wait;
        this.#put(log, block, part);
      } else {
        await this.#writePart(log, block, within, part);
      }
      at += part.length;
    }
  }

  /** The whole blocks of the range read as zeroes; partial blocks at its ends keep their bytes. */
  async trim(log: Log, offset: number, length: number): Promise<void> {
    await this.#clear(log, offset, length, HOLE);
  }

  /** The whole range reads as zeroes. */
  async zero(log: Log, offset: number, length: number, options: { readonly noHole: boolean }): Promise<void> {
    const firstWhole = Math.ceil(offset / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
    const endWhole = Math.floor((offset + length) / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
    if (firstWhole > endWhole) {
      await this.write(log, offset, new Uint8Array(length));
      return;
    }
    await this.write(log, offset, new Uint8Array(firstWhole - offset));
    await this.#clear(log, firstWhole, endWhole - firstWhole, options.noHole ? ZERO : HOLE);
    await this.write(log, endWhole, new Uint8Array(offset + length - endWhole));
  }

  async #clear(log: Log, offset: number, length: number, marker: typeof HOLE | typeof ZERO): Promise<void> {
    const firstBlock = Math.ceil(offset / BLOCK_SIZE_BYTES);
    const blockCount = Math.floor((offset + length) / BLOCK_SIZE_BYTES) - firstBlock;
    if (blockCount <= 0) return;
    for (let wait = log.ready(); wait !== undefined; wait = log.ready()) await wait;
    log.appendNote({ kind: 'run', marker, firstBlock, blockCount });
    this.#state.overlay.setRun(firstBlock, blockCount, marker);
  }

  async #writePart(log: Log, block: number, within: number, part: Uint8Array): Promise<void> {
    const body = new Uint8Array(BLOCK_SIZE_BYTES);
    for (;;) {
      const { root } = this.#state;
      const [before = HOLE] = await this.#resolver.resolve(block, 1);
      if (!(await this.#reader.readBlock(block, before, body))) continue;
      for (let wait = log.ready(); wait !== undefined; wait = log.ready()) await wait;
      // Another write to the block came between: what was read is old.
      if (!this.#resolver.isUnchanged(block, before, root)) continue;
      body.set(part, within);
      this.#put(log, block, body);
      return;
    }
  }

  #put(log: Log, block: number, body: Uint8Array): void {
    this.#state.overlay.set(block, log.appendBlock(block, body));
  }
}
