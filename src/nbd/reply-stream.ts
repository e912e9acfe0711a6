import type { Writable } from 'node:stream';

import { KiB } from '../base/units.ts';
import type { SlabPool } from './slab-pool.ts';

/** Up to here data is copied behind its header; above, the buffer itself is written (measured: equal around 16-32 KiB). */
const COPY_BYTES_MAX = 32 * KiB;

/**
 * Gathers the replies of one turn of the event loop into one write. Replies are put one after the other into slabs: a
 * write of many small buffers costs more than copying them. While nothing waits to be sent, no slab is held.
 */
export class ReplyStream {
  readonly #socket: Writable;
  readonly #onTaken: (requests: number, bytes: number) => void;
  readonly #pool: SlabPool;
  #slab: Buffer | undefined;
  /** The slab holds finished bytes from `#from` to `at`. */
  #from = 0;
  /** Where to encode in what `room` answered; the caller moves it on. */
  at = 0;
  #chunks: Buffer[] = [];
  #fullSlabs: Buffer[] = [];
  #requests = 0;
  #bytes = 0;
  /** Writes that the kernel has not taken yet, and what they hold. */
  #writes = 0;
  #writtenRequests = 0;
  #writtenBytes = 0;
  #scheduled = false;
  #closed = false;

  /**
   * @param onTaken called when the replies of that many requests, with the sum of their `bytes`, are the kernel's; or
   * lost, once `close` was called.
   */
  constructor(socket: Writable, pool: SlabPool, onTaken: (requests: number, bytes: number) => void) {
    this.#socket = socket;
    this.#pool = pool;
    this.#onTaken = onTaken;
  }

  /** Where `at` is an offset with `bytes` free behind it; they must fit a slab. */
  room(bytes: number): Buffer {
    if (this.#slab === undefined) {
      this.#slab = this.#pool.take();
      this.#from = this.at = 0;
    } else if (this.at + bytes > this.#slab.length) {
      this.#closeSegment();
      this.#fullSlabs.push(this.#slab);
      this.#slab = this.#pool.take();
      this.#from = this.at = 0;
    }
    return this.#slab;
  }

  /** Appends `data`, which must not change until the reply is taken. */
  appendData(data: Uint8Array): void {
    if (data.length <= COPY_BYTES_MAX) {
      this.room(data.length).set(data, this.at);
      this.at += data.length;
    } else {
      this.#closeSegment();
      this.#chunks.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    }
  }

  /** Marks the end of a reply that holds `bytes` of the connection's budget. */
  endReply(bytes: number): void {
    this.#requests += 1;
    this.#bytes += bytes;
    if (!this.#scheduled) {
      this.#scheduled = true;
      // Not nextTick: one poll of the event loop may complete many reads of files, each in a tick of its own.
      setImmediate(this.#writeLater);
    }
  }

  /** Hands what is there to the kernel without waiting for the end of the turn. */
  sendEarly(): void {
    this.#write();
  }

  /** The socket is gone: what was not taken never will be. */
  close(): void {
    this.#closed = true;
    const [requests, bytes] = [this.#writtenRequests, this.#writtenBytes];
    this.#writtenRequests = this.#writtenBytes = 0;
    if (requests > 0) this.#onTaken(requests, bytes);
  }

  #closeSegment(): void {
    if (this.#slab !== undefined && this.at > this.#from) this.#chunks.push(this.#slab.subarray(this.#from, this.at));
    this.#from = this.at;
  }

  readonly #writeLater = (): void => {
    this.#scheduled = false;
    if (this.#requests > 0 || this.#chunks.length > 0 || this.at > this.#from) this.#write();
  };

  #write(): void {
    this.#closeSegment();
    const [chunks, slabs, requests, bytes] = [this.#chunks, this.#fullSlabs, this.#requests, this.#bytes];
    this.#chunks = [];
    this.#fullSlabs = [];
    this.#requests = this.#bytes = 0;
    if (this.#closed) {
      this.#onTaken(requests, bytes);
      return;
    }
    this.#writes += 1;
    this.#writtenRequests += requests;
    this.#writtenBytes += bytes;
    const onTaken = (error?: Error | null): void => {
      if (this.#closed || error) return;
      this.#writes -= 1;
      this.#writtenRequests -= requests;
      this.#writtenBytes -= bytes;
      for (const slab of slabs) this.#pool.giveBack(slab);
      // Until the kernel has everything, the slab must stay as it is up to `at`, also what waits for the next write.
      const waits = this.#chunks.length > 0 || this.#from < this.at;
      if (this.#writes === 0 && this.#slab !== undefined && !waits) {
        this.#pool.giveBack(this.#slab);
        this.#slab = undefined;
      }
      this.#onTaken(requests, bytes);
    };
    if (chunks.length === 1) {
      this.#socket.write(chunks[0], onTaken);
      return;
    }
    this.#socket.cork();
    chunks.forEach((chunk, i) => this.#socket.write(chunk, i === chunks.length - 1 ? onTaken : undefined));
    this.#socket.uncork();
  }
}
