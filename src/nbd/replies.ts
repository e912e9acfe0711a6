import { KiB } from '../base/units.ts';
import type { Refusal } from './errno.ts';
import * as nbd from './protocol.ts';
import type { ReplyStream } from './reply-stream.ts';
import * as wire from './reply-wire.ts';
import type { StatusExtent } from './reply-wire.ts';
import type { Request } from './request-wire.ts';
import type { Headers } from './validate.ts';
import { isZeroes, zeroRuns } from './zero-runs.ts';
import type { Run } from './zero-runs.ts';

/** With its header as much as a slab takes, in whole blocks of 4 KiB: some 80 us of opening sealed blocks. */
const PIECE_BYTES = 252 * KiB;

/** The answers to requests, in the form that was negotiated. Each method is one whole reply. */
export class Replies {
  readonly #headers: Headers;
  readonly #extended: boolean;
  readonly #stream: ReplyStream;

  constructor(headers: Headers, stream: ReplyStream) {
    this.#headers = headers;
    this.#extended = headers === 'extended';
    this.#stream = stream;
  }

  /** Success without content. @param costBytes what the request held of the connection's budget, here and below. */
  succeed(request: Request, costBytes: number): void {
    // A simple reply may answer everything but a read, even when structured replies are negotiated.
    if (this.#extended || (this.#headers === 'structured' && request.type === nbd.NBD_CMD_READ)) {
      const out = this.#stream.room(wire.chunkHeaderBytes(this.#extended));
      const chunk = { extended: this.#extended, to: request, done: true };
      this.#stream.at = wire.encodeChunkHeader(out, this.#stream.at, chunk, nbd.NBD_REPLY_TYPE_NONE, 0);
    } else {
      this.#simple(request, 0);
    }
    this.#stream.endReply(costBytes);
  }

  /**
   * The content of a read from `from` on; what lies before was answered. It must not change until the kernel has taken it.
   */
  content(request: Request, data: Uint8Array, costBytes: number, from = 0): void {
    if (this.#headers === 'simple') {
      this.#simple(request, 0);
      this.#stream.appendData(data);
    } else {
      const runs = mayChunk(request) ? zeroRuns(data, request.offset + from) : undefined;
      if (runs === undefined) this.#data(request, data, from, true);
      else for (const { at, end, zero } of runs) this.#part(request, data, from, { at, end, zero });
    }
    this.#stream.endReply(costBytes);
  }

  /**
   * As much of a read as `fill` has at hand, from its start: it is given the place in the reply for the bytes from `at`
   * on, and answers false to leave it. Long reads go out piece by piece: the client takes one while the next is made.
   * @returns how many bytes were answered; all of them were the whole reply.
   */
  contentAtHand(request: Request, fill: (out: Buffer, at: number) => boolean): number {
    const { length } = request;
    const pieces = this.#headers !== 'simple' && mayChunk(request);
    if (!pieces && length > PIECE_BYTES) return 0;
    for (let at = 0; at < length; at += PIECE_BYTES) {
      const end = Math.min(length, at + PIECE_BYTES);
      if (!this.#piece(request, at, end, fill)) return at;
      if (end < length) this.#stream.sendEarly();
    }
    this.#stream.endReply(length);
    return length;
  }

  #piece(request: Request, at: number, end: number, fill: (out: Buffer, at: number) => boolean): boolean {
    const simple = this.#headers === 'simple';
    const headerBytes = simple ? wire.SIMPLE_REPLY_BYTES : wire.chunkHeaderBytes(this.#extended) + wire.OFFSET_BYTES;
    // Room for any header, so that encoding it below stays in the same slab.
    const out = this.#stream.room(wire.EXTENDED_HEADER_BYTES + wire.OFFSET_BYTES + end - at);
    const start = this.#stream.at + headerBytes;
    const data = out.subarray(start, start + end - at);
    if (!fill(data, at)) return false;
    const done = end === request.length;
    if (!simple && mayChunk(request) && isZeroes(data)) {
      this.#hole(request, at, data.length, done);
    } else {
      if (simple) this.#simple(request, 0);
      else this.#dataHeader(request, at, data.length, done);
      this.#stream.at += data.length;
    }
    return true;
  }

  /** One chunk for each context. */
  blockStatus(
    request: Request,
    statuses: readonly { readonly contextId: number; readonly extents: readonly StatusExtent[] }[],
    costBytes: number,
  ): void {
    statuses.forEach(({ contextId, extents }, i) => {
      const chunk = { extended: this.#extended, to: request, done: i === statuses.length - 1 };
      const out = this.#stream.room(wire.blockStatusBytes(this.#extended, extents));
      this.#stream.at = wire.encodeBlockStatus(out, this.#stream.at, chunk, contextId, extents);
    });
    this.#stream.endReply(costBytes);
  }

  refuse(request: Request, { error, message }: Refusal, costBytes: number): void {
    if (this.#headers === 'simple') {
      this.#simple(request, error);
    } else {
      const out = this.#stream.room(wire.errorChunkBytes(this.#extended, message));
      const chunk = { extended: this.#extended, to: request, done: true };
      this.#stream.at = wire.encodeErrorChunk(out, this.#stream.at, chunk, error, message);
    }
    this.#stream.endReply(costBytes);
  }

  #simple(request: Request, error: number): void {
    const out = this.#stream.room(wire.SIMPLE_REPLY_BYTES);
    this.#stream.at = wire.encodeSimpleReply(out, this.#stream.at, request, error);
  }

  #part(request: Request, data: Uint8Array, from: number, { at, end, zero }: Run): void {
    const done = end === data.length;
    if (zero) this.#hole(request, from + at, end - at, done);
    else this.#data(request, data.subarray(at, end), from + at, done);
  }

  #hole(request: Request, at: number, length: number, done: boolean): void {
    const out = this.#stream.room(wire.EXTENDED_HEADER_BYTES + wire.HOLE_BYTES);
    const chunk = { extended: this.#extended, to: request, done };
    this.#stream.at = wire.encodeOffsetHole(out, this.#stream.at, chunk, request.offset + at, length);
  }

  #data(request: Request, data: Uint8Array, at: number, done: boolean): void {
    this.#dataHeader(request, at, data.length, done);
    this.#stream.appendData(data);
  }

  #dataHeader(request: Request, at: number, length: number, done: boolean): void {
    const out = this.#stream.room(wire.EXTENDED_HEADER_BYTES + wire.OFFSET_BYTES);
    const chunk = { extended: this.#extended, to: request, done };
    this.#stream.at = wire.encodeOffsetData(out, this.#stream.at, chunk, request.offset + at, length);
  }
}

/** Whether the client takes the content of a read in several chunks. */
function mayChunk(request: Request): boolean {
  return (request.flags & nbd.NBD_CMD_FLAG_DF) === 0;
}
