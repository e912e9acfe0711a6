import type { Refusal } from './errno.ts';
import * as nbd from './protocol.ts';
import type { ReplyStream } from './reply-stream.ts';
import * as wire from './reply-wire.ts';
import type { StatusExtent } from './reply-wire.ts';
import type { Request } from './request-wire.ts';
import type { Headers } from './validate.ts';
import { isZeroes, zeroRuns } from './zero-runs.ts';

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

  /** The content of a read, which must not change until the kernel has taken it. */
  content(request: Request, data: Uint8Array, costBytes: number): void {
    if (this.#headers === 'simple') {
      this.#simple(request, 0);
      this.#stream.appendData(data);
    } else {
      const runs = (request.flags & nbd.NBD_CMD_FLAG_DF) === 0 ? zeroRuns(data, request.offset) : undefined;
      if (runs === undefined) this.#data(request, data, 0, true);
      else for (const { at, end, zero } of runs) this.#part(request, data, at, end, zero);
    }
    this.#stream.endReply(costBytes);
  }

  /** The same if `fill` finds the content: it is given the place in the reply, and answers false to leave it. */
  contentIf(request: Request, fill: (out: Buffer) => boolean): boolean {
    const simple = this.#headers === 'simple';
    const headerBytes = simple ? wire.SIMPLE_REPLY_BYTES : wire.chunkHeaderBytes(this.#extended) + wire.OFFSET_BYTES;
    // Room for any header, so that encoding it below stays in the same slab.
    const out = this.#stream.room(wire.EXTENDED_HEADER_BYTES + wire.OFFSET_BYTES + request.length);
    const start = this.#stream.at + headerBytes;
    const data = out.subarray(start, start + request.length);
    if (!fill(data)) return false;
    if (!simple && (request.flags & nbd.NBD_CMD_FLAG_DF) === 0 && isZeroes(data)) {
      this.#hole(request, 0, data.length, true);
    } else {
      if (simple) this.#simple(request, 0);
      else this.#dataHeader(request, 0, data.length, true);
      this.#stream.at += data.length;
    }
    this.#stream.endReply(request.length);
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

  #part(request: Request, data: Uint8Array, at: number, end: number, zero: boolean): void {
    const done = end === data.length;
    if (zero) this.#hole(request, at, end - at, done);
    else this.#data(request, data.subarray(at, end), at, done);
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
