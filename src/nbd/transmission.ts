import type { Logger } from '../base/log.ts';
import { messageOf, SystemError } from '../base/errors.ts';
import { refusalOf } from './errno.ts';
import type { Refusal } from './errno.ts';
import type { BlockExtent, Export } from './export.ts';
import type { NbdLimits } from './limits.ts';
import type { PayloadPool } from './payload-pool.ts';
import * as nbd from './protocol.ts';
import { ReceivedBytes } from './received-bytes.ts';
import type { ReplyStream } from './reply-stream.ts';
import { KiB } from '../base/units.ts';
import * as wire from './transmission-wire.ts';
import type { Request } from './transmission-wire.ts';
import { refuse } from './validate.ts';
import type { ServedExport } from './validate.ts';

/** The one metadata context; the number means nothing to a client. */
export const BASE_ALLOCATION_ID = 1;
/** Keeps a reply below 64 KiB; the client asks on from where it ends. */
const EXTENTS_MAX = 8000;
/** A longer read would keep other connections waiting while its blocks are opened. */
const CACHED_READ_BYTES_MAX = 128 * KiB;
const SHUTTING_DOWN: Refusal = { error: nbd.NBD_ESHUTDOWN, message: 'The export is being closed.' };

/** What the handshake agreed on. */
export interface Session {
  readonly exportName: string;
  readonly served: Export;
  readonly structured: boolean;
  readonly blockStatus: boolean;
}

/** The transmission phase moves its socket by these. */
export interface Flow {
  /** Nothing more is read until `resume`. */
  pause(): void;
  resume(): void;
  /** Everything is answered and taken, and no more will come: close in order. */
  finished(): void;
  /** The client broke the protocol: close at once. */
  violated(reason: string): void;
}

/**
 * The second phase of a connection: requests in, replies out, in any order.
 *
 * States: open -> draining (what comes is refused with NBD_ESHUTDOWN) -> ended (NBD_CMD_DISC: nothing more is looked
 * at) -> finished. Each may be left out.
 * Takes no further request while the limits are reached, and counts a request until the client has taken its reply.
 */
export class Transmission {
  readonly #session: Session;
  readonly #facts: ServedExport;
  readonly #limits: NbdLimits;
  readonly #log: Logger;
  readonly #payloads: PayloadPool;
  readonly #flow: Flow;
  readonly #replies: ReplyStream;
  readonly #received = new ReceivedBytes();
  #state: 'open' | 'draining' | 'ended' | 'finished' = 'open';
  #paused = false;
  #inputEnded = false;
  #requests = 0;
  #bytes = 0;
  /** A write whose payload is still arriving. */
  #write: { readonly request: Request; readonly payload: Buffer; filled: number } | undefined;
  /** A refused write whose payload must go by before the refusal. */
  #skip: { readonly request: Request; readonly refusal: Refusal; left: number } | undefined;
  #failures = 0;

  constructor(
    session: Session,
    io: { readonly replies: ReplyStream; readonly flow: Flow },
    settings: { readonly limits: NbdLimits; readonly log: Logger; readonly payloads: PayloadPool },
  ) {
    this.#session = session;
    this.#replies = io.replies;
    this.#flow = io.flow;
    this.#limits = settings.limits;
    this.#log = settings.log;
    this.#payloads = settings.payloads;
    this.#facts = {
      sizeBytes: session.served.sizeBytes,
      readOnly: session.served.readOnly,
      preferredBlockBytes: session.served.blockSize.preferred,
      structured: session.structured,
      blockStatus: session.blockStatus,
    };
  }

  /** @param chunk is given away. */
  receive(chunk: Buffer): void {
    if (this.#state === 'ended' || this.#state === 'finished') return;
    this.#received.push(chunk);
    this.#parse();
  }

  /** From now on requests are refused; `finished` follows when those in flight are answered. */
  drain(): void {
    if (this.#state === 'open') this.#state = 'draining';
    this.#finishIfIdle();
  }

  /** No more bytes will come; whole requests that came are still answered. */
  end(): void {
    this.#inputEnded = true;
    this.#parse();
    this.#finishIfIdle();
  }

  /** The kernel has taken the replies of so many requests. */
  taken(requests: number, bytes: number): void {
    this.#requests -= requests;
    this.#bytes -= bytes;
    if (this.#paused && this.#hasRoom()) {
      this.#paused = false;
      this.#parse();
      if (!this.#paused) this.#flow.resume();
    }
    this.#finishIfIdle();
  }

  #hasRoom(): boolean {
    return this.#requests < this.#limits.requestsInFlightMax && this.#bytes < this.#limits.bytesInFlightMax;
  }

  #finishIfIdle(): void {
    if (this.#state === 'finished' || (this.#state === 'open' && !this.#inputEnded)) return;
    // A write that was cut off in its payload will never be whole.
    const cutOff = this.#inputEnded && (this.#write !== undefined || this.#skip !== undefined) ? 1 : 0;
    if (this.#requests > cutOff) return;
    this.#state = 'finished';
    this.#flow.finished();
  }

  #parse(): void {
    while (this.#state === 'open' || this.#state === 'draining') {
      if (this.#write !== undefined) {
        if (!this.#fillWrite(this.#write)) return;
      } else if (this.#skip !== undefined) {
        if (!this.#skipWrite(this.#skip)) return;
      } else if (!this.#hasRoom()) {
        if (!this.#paused) this.#flow.pause();
        this.#paused = true;
        return;
      } else {
        if (this.#received.length < wire.REQUEST_BYTES) return;
        this.#begin();
      }
    }
  }

  #begin(): void {
    let request: Request;
    try {
      request = wire.decodeRequest(this.#received.take(wire.REQUEST_BYTES));
    } catch (error) {
      this.#state = 'finished';
      this.#flow.violated(messageOf(error));
      return;
    }
    if (request.type === nbd.NBD_CMD_DISC) {
      this.#state = 'ended';
      this.#finishIfIdle();
      return;
    }
    const refusal = this.#state === 'draining' ? SHUTTING_DOWN : refuse(request, this.#facts);
    const carriesPayload = request.type === nbd.NBD_CMD_WRITE && request.length > 0;
    this.#requests += 1;
    if (refusal !== undefined) {
      if (carriesPayload) this.#skip = { request, refusal, left: request.length };
      else this.#refuse(request, refusal, 0);
      return;
    }
    this.#bytes += costBytes(request);
    if (!carriesPayload) this.#perform(request, new Uint8Array(0));
    else if (this.#received.length >= request.length) this.#perform(request, this.#received.take(request.length));
    else this.#write = { request, payload: this.#payloads.take(request.length), filled: 0 };
  }

  /** False: more must arrive first. */
  #fillWrite(write: { readonly request: Request; readonly payload: Buffer; filled: number }): boolean {
    write.filled += this.#received.takeInto(write.payload, write.filled);
    if (write.filled < write.payload.length) return false;
    this.#write = undefined;
    this.#perform(write.request, write.payload, () => this.#payloads.giveBack(write.payload));
    return true;
  }

  #skipWrite(skip: { readonly request: Request; readonly refusal: Refusal; left: number }): boolean {
    skip.left -= this.#received.skip(skip.left);
    if (skip.left > 0) return false;
    this.#skip = undefined;
    this.#refuse(skip.request, skip.refusal, 0);
    return true;
  }

  /** @param onSettled called when the export looks at `payload` no more. */
  #perform(request: Request, payload: Uint8Array, onSettled?: () => void): void {
    const { served } = this.#session;
    const { offset, length } = request;
    const fua = (request.flags & nbd.NBD_CMD_FLAG_FUA) !== 0;
    try {
      if (length === 0 && request.type !== nbd.NBD_CMD_FLUSH) {
        // The specification leaves these open; they do nothing. FUA promises nothing either, for nothing was written.
        this.#succeed(request);
        return;
      }
      switch (request.type) {
        case nbd.NBD_CMD_READ:
          if (this.#answerCachedRead(request)) return;
          this.#settle(request, served.read(offset, length), this.#answerRead);
          return;
        case nbd.NBD_CMD_WRITE:
          this.#settle(request, served.write(offset, payload, { fua }), this.#succeed, onSettled);
          return;
        case nbd.NBD_CMD_FLUSH:
          this.#settle(request, served.flush(), this.#succeed);
          return;
        case nbd.NBD_CMD_TRIM:
          this.#settle(request, served.trim(offset, length, { fua }), this.#succeed);
          return;
        case nbd.NBD_CMD_WRITE_ZEROES: {
          const noHole = (request.flags & nbd.NBD_CMD_FLAG_NO_HOLE) !== 0;
          this.#settle(request, served.zero(offset, length, { fua, noHole }), this.#succeed);
          return;
        }
        case nbd.NBD_CMD_BLOCK_STATUS:
          this.#settle(request, served.blockStatus(offset, length), this.#answerBlockStatus);
          return;
        default:
          // NBD_CMD_CACHE: a hint. What is worth keeping in memory is kept anyway.
          this.#succeed(request);
      }
    } catch (error) {
      this.#fail(request, error);
    }
  }

  #settle<T>(
    request: Request,
    result: Promise<T>,
    answer: (request: Request, value: T) => void,
    onSettled?: () => void,
  ): void {
    result.then(
      (value) => {
        onSettled?.();
        answer(request, value);
      },
      (error: unknown) => {
        onSettled?.();
        this.#fail(request, error);
      },
    );
  }

  readonly #succeed = (request: Request): void => {
    // A simple reply may answer everything but a read, even when structured replies are negotiated.
    if (this.#facts.structured && request.type === nbd.NBD_CMD_READ) {
      this.#replies.append(wire.CHUNK_HEADER_BYTES, (out, at) =>
        wire.encodeChunkHeader(out, at, request, nbd.NBD_REPLY_TYPE_NONE, 0),
      );
    } else {
      this.#replies.append(wire.SIMPLE_REPLY_BYTES, (out, at) => wire.encodeSimpleReply(out, at, request, 0));
    }
    this.#replies.endReply(costBytes(request));
  };

  readonly #answerRead = (request: Request, data: Uint8Array): void => {
    if (data.length !== request.length) {
      this.#fail(request, new Error(`bug: the export answered ${data.length} bytes for a read of ${request.length}`));
      return;
    }
    if (this.#facts.structured) {
      this.#replies.append(wire.CHUNK_HEADER_BYTES + wire.OFFSET_BYTES, (out, at) =>
        wire.encodeOffsetData(out, at, request, data.length),
      );
    } else {
      this.#replies.append(wire.SIMPLE_REPLY_BYTES, (out, at) => wire.encodeSimpleReply(out, at, request, 0));
    }
    this.#replies.appendData(data);
    this.#replies.endReply(costBytes(request));
  };

  /** Opens a short read right into the reply when its bytes are in memory. */
  #answerCachedRead(request: Request): boolean {
    const { served } = this.#session;
    if (served.readCached === undefined || request.length > CACHED_READ_BYTES_MAX) return false;
    const headerBytes = this.#facts.structured ? wire.CHUNK_HEADER_BYTES + wire.OFFSET_BYTES : wire.SIMPLE_REPLY_BYTES;
    const filled = this.#replies.appendIf(headerBytes, request.length, (out, at) => {
      if (!served.readCached?.(request.offset, out.subarray(at + headerBytes, at + headerBytes + request.length)))
        return false;
      if (this.#facts.structured) wire.encodeOffsetData(out, at, request, request.length);
      else wire.encodeSimpleReply(out, at, request, 0);
      return true;
    });
    if (filled) this.#replies.endReply(costBytes(request));
    return filled;
  }

  readonly #answerBlockStatus = (request: Request, extents: readonly BlockExtent[]): void => {
    const one = (request.flags & nbd.NBD_CMD_FLAG_REQ_ONE) !== 0;
    const told = joined(extents, request.length, one ? 1 : EXTENTS_MAX);
    this.#replies.append(wire.blockStatusBytes(told), (out, at) =>
      wire.encodeBlockStatus(out, at, request, BASE_ALLOCATION_ID, told),
    );
    this.#replies.endReply(costBytes(request));
  };

  #fail(request: Request, error: unknown): void {
    this.#failures += 1;
    // A broken disk fails every request: write about the 1st, 2nd, 4th, 8th … of a connection.
    if ((this.#failures & (this.#failures - 1)) === 0) {
      const { exportName } = this.#session;
      const { type, offset, length } = request;
      const code = error instanceof SystemError ? error.code : 'INTERNAL';
      const fields = { exportName, type, offset, length, code, failures: this.#failures, error: messageOf(error) };
      this.#log.error(fields, 'an NBD request failed');
    }
    this.#refuse(request, refusalOf(error), costBytes(request));
  }

  #refuse(request: Request, { error, message }: Refusal, bytes: number): void {
    if (this.#facts.structured) {
      this.#replies.append(wire.errorChunkBytes(message), (out, at) =>
        wire.encodeErrorChunk(out, at, request, error, message),
      );
    } else {
      this.#replies.append(wire.SIMPLE_REPLY_BYTES, (out, at) => wire.encodeSimpleReply(out, at, request, error));
    }
    this.#replies.endReply(bytes);
  }
}

/** What a request holds of the connection's budget: its payload, in or out. */
function costBytes(request: Request): number {
  return request.type === nbd.NBD_CMD_READ || request.type === nbd.NBD_CMD_WRITE ? request.length : 0;
}

/** Extents with equal neighbours made one, cut to `lengthBytes` and to `countMax`. */
function joined(extents: readonly BlockExtent[], lengthBytes: number, countMax: number): BlockExtent[] {
  const out: BlockExtent[] = [];
  let left = lengthBytes;
  for (const { lengthBytes: full, hole, zero } of extents) {
    const length = Math.min(full, left);
    if (length === 0) continue;
    const last = out.at(-1);
    if (last?.hole === hole && last.zero === zero) {
      out[out.length - 1] = { lengthBytes: last.lengthBytes + length, hole, zero };
    } else {
      if (out.length === countMax) break;
      out.push({ lengthBytes: length, hole, zero });
    }
    left -= length;
  }
  return out.length > 0 ? out : [{ lengthBytes, hole: false, zero: false }];
}
