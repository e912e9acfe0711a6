import { KiB } from '../base/units.ts';
import type { Refusal } from './errno.ts';
import type { PayloadPool } from './payload-pool.ts';
import { decodeRequest, payloadBytes, requestBytes } from './request-wire.ts';
import type { Request } from './request-wire.ts';

/** What becomes of a request whose header arrived. */
export type Admission =
  | { readonly kind: 'take' }
  // Its payload goes by unread, then the refusal is sent.
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  // Nothing that follows is looked at.
  | { readonly kind: 'stop' };

export interface RequestSink {
  /** Whether the next request may be read now. */
  hasRoom(): boolean;
  admit(request: Request, payloadLength: number): Admission;
  /** @param payload of the pool that the reader was given; the sink gives it back. */
  perform(request: Request, payload: Buffer | undefined): void;
  refuse(request: Request, refusal: Refusal): void;
}

/** Below, one more turn of the event loop costs more than the copy. */
const TARGET_BYTES_MIN = 64 * KiB;

interface Incoming {
  readonly request: Request;
  /** Undefined: the payload goes by. */
  readonly payload: Buffer | undefined;
  readonly refusal: Refusal | undefined;
  readonly length: number;
  filled: number;
}

/**
 * Cuts what arrives into requests. Everything is consumed or copied before a call returns, so that one buffer can
 * receive for all connections.
 */
export class RequestReader {
  readonly #extended: boolean;
  readonly #headerBytes: number;
  readonly #payloads: PayloadPool;
  readonly #sink: RequestSink;
  readonly #header: Buffer;
  #headerFilled = 0;
  #incoming: Incoming | undefined;
  /** What arrived and could not be taken for want of room. */
  #held: Buffer | undefined;
  #stopped = false;

  constructor(extended: boolean, payloads: PayloadPool, sink: RequestSink) {
    this.#extended = extended;
    this.#headerBytes = requestBytes(extended);
    this.#header = Buffer.allocUnsafeSlow(this.#headerBytes);
    this.#payloads = payloads;
    this.#sink = sink;
  }

  /** A request was admitted, and its payload is still arriving. */
  get inPayload(): boolean {
    return this.#incoming !== undefined;
  }

  /** Whole or not, there are requests that wait for `resume`. */
  get holds(): boolean {
    return this.#held !== undefined;
  }

  /**
   * Answers whether all of `bytes` is consumed; else the rest is kept for `resume`, and nothing more may come before.
   * @throws NbdFormatError when a request has a wrong magic number.
   */
  read(bytes: Buffer): boolean {
    const at = this.#consume(bytes);
    if (at === bytes.length || this.#stopped) return true;
    this.#held = Buffer.from(bytes.subarray(at));
    return false;
  }

  /** Where the rest of a long payload is wanted, so that it need not be copied there. */
  target(): Buffer | undefined {
    const incoming = this.#incoming;
    if (incoming?.payload === undefined || incoming.length - incoming.filled < TARGET_BYTES_MIN) return undefined;
    return incoming.filled === 0 ? incoming.payload : incoming.payload.subarray(incoming.filled);
  }

  /** So many bytes of the payload arrived in the last target. */
  filled(bytes: number): void {
    if (this.#incoming !== undefined) this.#advance(this.#incoming, bytes);
  }

  /** Goes on with what is kept, when there may be room again. Answers like `read`. */
  resume(): boolean {
    const held = this.#held;
    if (held === undefined) return true;
    const at = this.#consume(held);
    const done = at === held.length || this.#stopped;
    this.#held = done ? undefined : held.subarray(at);
    return done;
  }

  /** Forgets what is incomplete: nothing more will come. Answers the request that was taken and will never be whole. */
  close(): Request | undefined {
    const incoming = this.#incoming;
    this.#stopped = true;
    this.#held = this.#incoming = undefined;
    if (incoming?.payload === undefined) return undefined;
    this.#payloads.giveBack(incoming.payload);
    return incoming.request;
  }

  /** Answers how many of `bytes` are done with. */
  #consume(bytes: Buffer): number {
    let at = 0;
    while (!this.#stopped) {
      if (this.#incoming !== undefined) {
        at = this.#fill(this.#incoming, bytes, at);
        if (this.#incoming !== undefined) return at;
        continue;
      }
      if (at === bytes.length || !this.#sink.hasRoom()) return at;
      if (this.#headerFilled === 0 && bytes.length - at >= this.#headerBytes) {
        const header = at;
        at += this.#headerBytes;
        this.#begin(decodeRequest(bytes, header, this.#extended));
      } else {
        const count = Math.min(this.#headerBytes - this.#headerFilled, bytes.length - at);
        bytes.copy(this.#header, this.#headerFilled, at, at + count);
        at += count;
        this.#headerFilled += count;
        if (this.#headerFilled < this.#headerBytes) return at;
        this.#headerFilled = 0;
        this.#begin(decodeRequest(this.#header, 0, this.#extended));
      }
    }
    return at;
  }

  #begin(request: Request): void {
    const length = payloadBytes(request, this.#extended);
    const admission = this.#sink.admit(request, length);
    if (admission.kind === 'stop') {
      this.#stopped = true;
    } else if (admission.kind === 'refuse') {
      const { refusal } = admission;
      if (length === 0) this.#sink.refuse(request, refusal);
      else this.#incoming = { request, payload: undefined, refusal, length, filled: 0 };
    } else if (length === 0) {
      this.#sink.perform(request, undefined);
    } else {
      this.#incoming = { request, payload: this.#payloads.take(length), refusal: undefined, length, filled: 0 };
    }
  }

  /** Answers up to where `bytes` were of this payload. */
  #fill(incoming: Incoming, bytes: Buffer, at: number): number {
    const { payload, length, filled } = incoming;
    const count = Math.min(length - filled, bytes.length - at);
    if (payload !== undefined) bytes.copy(payload, filled, at, at + count);
    this.#advance(incoming, count);
    return at + count;
  }

  #advance(incoming: Incoming, count: number): void {
    incoming.filled += count;
    if (incoming.filled < incoming.length) return;
    this.#incoming = undefined;
    const { request, payload, refusal } = incoming;
    if (refusal === undefined) this.#sink.perform(request, payload);
    else this.#sink.refuse(request, refusal);
  }
}
