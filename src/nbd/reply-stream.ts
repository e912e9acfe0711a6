import type { Writable } from 'node:stream';

import { KiB } from '../base/units.ts';

/** Replies are put one after the other into slabs: a write of many small buffers costs more than copying them. */
const SLAB_BYTES = 256 * KiB;
const SLABS_KEPT = 4;
/** Up to here data is copied behind its header; above, the buffer itself is written (measured: equal around 16-32 KiB). */
const COPY_BYTES_MAX = 32 * KiB;

/** Gathers the replies of one turn of the event loop into one write. */
export class ReplyStream {
  readonly #socket: Writable;
  readonly #onTaken: (requests: number, bytes: number) => void;
  readonly #slabs: Buffer[] = [];
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** The slab holds finished bytes from `#from` to `#at`. */
  #from = 0;
  #at = 0;
  #chunks: Buffer[] = [];
  #fullSlabs: Buffer[] = [];
  #requests = 0;
  #bytes = 0;
  #scheduled = false;

  /** @param onTaken called when the kernel has taken the replies of that many requests, with the sum of their `bytes`. */
  constructor(socket: Writable, onTaken: (requests: number, bytes: number) => void) {
    this.#socket = socket;
    this.#onTaken = onTaken;
  }

  /** Appends what `encode` writes at the offset it is given; at most `maxBytes`, which must fit a slab. */
  append(maxBytes: number, encode: (out: Buffer, at: number) => number): void {
    this.#makeRoom(maxBytes);
    this.#at = encode(this.#slab, this.#at);
  }

  /** Appends a header and data if `fill` finds them: it is given a place for both and answers false to leave it. */
  appendIf(headerBytes: number, dataBytes: number, fill: (out: Buffer, at: number) => boolean): boolean {
    this.#makeRoom(headerBytes + dataBytes);
    if (!fill(this.#slab, this.#at)) return false;
    this.#at += headerBytes + dataBytes;
    return true;
  }

  /** Appends `data`, which must not change until the reply is taken. */
  appendData(data: Uint8Array): void {
    if (data.length <= COPY_BYTES_MAX) {
      this.#makeRoom(data.length);
      this.#slab.set(data, this.#at);
      this.#at += data.length;
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
      setImmediate(() => this.#write());
    }
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= SLAB_BYTES) return;
    this.#closeSegment();
    this.#fullSlabs.push(this.#slab);
    this.#slab = this.#slabs.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#from = this.#at = 0;
  }

  #closeSegment(): void {
    if (this.#at > this.#from) this.#chunks.push(this.#slab.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  #write(): void {
    this.#scheduled = false;
    this.#closeSegment();
    const { length } = this.#chunks;
    if (length === 0 || this.#socket.destroyed) return;
    // What was written must stay as it is until the kernel has it: go on in another slab once this one is half used.
    if (this.#at > SLAB_BYTES / 2) this.#makeRoom(SLAB_BYTES);
    const [chunks, slabs, requests, bytes] = [this.#chunks, this.#fullSlabs, this.#requests, this.#bytes];
    this.#chunks = [];
    this.#fullSlabs = [];
    this.#requests = this.#bytes = 0;
    const onTaken = (error?: Error | null): void => {
      if (error) return;
      for (const slab of slabs) if (this.#slabs.length < SLABS_KEPT) this.#slabs.push(slab);
      this.#onTaken(requests, bytes);
    };
    this.#socket.cork();
    chunks.forEach((chunk, i) => this.#socket.write(chunk, i === length - 1 ? onTaken : undefined));
    this.#socket.uncork();
  }
}
