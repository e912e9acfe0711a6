import type { Logger } from '../base/log.ts';
import { messageOf, SystemError } from '../base/errors.ts';
import { MiB } from '../base/units.ts';
import type { Budget } from './budget.ts';
import { refusalOf } from './errno.ts';
import type { Refusal } from './errno.ts';
import type { Export } from './export.ts';
import { NbdFormatError } from './format-error.ts';
import type { NbdLimits } from './limits.ts';
import { EXTENTS_MAX, joined, STATUS_CHUNK_BYTES_MAX } from './metadata-contexts.ts';
import type { MetadataContext } from './metadata-contexts.ts';
import type { PayloadPool } from './payload-pool.ts';
import * as nbd from './protocol.ts';
import type { Replies } from './replies.ts';
import { RequestReader } from './request-reader.ts';
import type { Admission } from './request-reader.ts';
import { decodeStatusPayload } from './request-wire.ts';
import type { StatusExtent } from './reply-wire.ts';
import type { Request } from './request-wire.ts';
import { refuse, refuseStatus } from './validate.ts';
import type { Headers, ServedExport } from './validate.ts';

const SHUTTING_DOWN: Refusal = { error: nbd.NBD_ESHUTDOWN, message: 'The export is being closed.' };
const UNKNOWN_CONTEXT: Refusal = { error: nbd.NBD_EINVAL, message: 'A context was not selected, or is named twice.' };
/** NBD_CMD_CACHE reads so much at a time, and this much of a longer range. */
const PREFETCH_PIECE_BYTES = 1 * MiB;
const PREFETCH_BYTES_MAX = 64 * MiB;
const TAKE: Admission = { kind: 'take' };
const NOTHING = Buffer.alloc(0);
const FUA = { fua: true } as const;
const NO_FUA = { fua: false } as const;
const STOP: Admission = { kind: 'stop' };

/** What the handshake agreed on. */
export interface Session {
  readonly exportName: string;
  readonly served: Export;
  readonly headers: Headers;
  /** Selected for block status. */
  readonly contexts: readonly MetadataContext[];
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
  readonly #budget: Budget;
  readonly #log: Logger;
  readonly #payloads: PayloadPool;
  readonly #flow: Flow;
  readonly #replies: Replies;
  readonly #reader: RequestReader;
  #state: 'open' | 'draining' | 'ended' | 'finished' = 'open';
  #paused = false;
  #inputEnded = false;
  #requests = 0;
  #bytes = 0;
  #failures = 0;
  #lastWrites: { readonly done: Promise<void>; readonly writes: { request: Request; payload: Buffer }[] } | undefined;

  constructor(
    session: Session,
    io: { readonly replies: Replies; readonly flow: Flow },
    settings: {
      readonly limits: NbdLimits;
      /** Of the export. */
      readonly budget: Budget;
      readonly log: Logger;
      readonly payloads: PayloadPool;
    },
  ) {
    this.#session = session;
    this.#replies = io.replies;
    this.#flow = io.flow;
    this.#limits = settings.limits;
    this.#budget = settings.budget;
    this.#log = settings.log;
    this.#payloads = settings.payloads;
    this.#facts = {
      sizeBytes: session.served.sizeBytes,
      readOnly: session.served.readOnly,
      preferredBlockBytes: session.served.blockSize.preferred,
      headers: session.headers,
      blockStatus: session.contexts.length > 0,
    };
    this.#reader = new RequestReader(session.headers === 'extended', settings.payloads, {
      hasRoom: () => this.#hasRoom(),
      admit: (request, payloadLength) => this.#admit(request, payloadLength),
      perform: (request, payload) => this.#perform(request, payload),
      refuse: (request, refusal) => this.#replies.refuse(request, refusal, 0),
    });
  }

  /** @param bytes looked at during this call only. */
  receive(bytes: Buffer): void {
    if (this.#state === 'ended' || this.#state === 'finished') return;
    if (!this.#reads(() => this.#reader.read(bytes)) && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
      this.#onRoom();
    }
  }

  /** Where the next bytes are wanted, and that they came there. */
  target(): Buffer | undefined {
    return this.#state === 'open' || this.#state === 'draining' ? this.#reader.target() : undefined;
  }

  filled(bytes: number): void {
    this.#reader.filled(bytes);
  }

  /** From now on requests are refused; `finished` follows when those in flight are answered. */
  drain(): void {
    if (this.#state === 'open') this.#state = 'draining';
    this.#finishIfIdle();
  }

  /** No more bytes will come; whole requests that came are still answered. */
  end(): void {
    this.#inputEnded = true;
    this.#finishIfIdle();
  }

  /** The connection is gone. Calls of the export that run go on, and hold their share of the budget until they are done. */
  close(): void {
    this.#state = 'finished';
    this.#budget.forget(this.#onRoom);
    const cutOff = this.#reader.close();
    if (cutOff !== undefined) this.#budget.giveBack(this.#cost(cutOff));
  }

  /** The kernel has taken the replies of so many requests. */
  taken(requests: number, bytes: number): void {
    this.#requests -= requests;
    this.#bytes -= bytes;
    if (bytes > 0) this.#budget.giveBack(bytes);
    this.#onRoom();
    this.#finishIfIdle();
  }

  /** Goes on when there is room again, or waits for others to make it. */
  readonly #onRoom = (): void => {
    this.#budget.forget(this.#onRoom);
    if (!this.#paused || this.#state === 'finished') return;
    if (!this.#reads(() => this.#reader.resume())) {
      if (!this.#budget.hasRoom()) this.#budget.wait(this.#onRoom);
      return;
    }
    this.#paused = false;
    this.#flow.resume();
    this.#finishIfIdle();
  };

  /** What `read` answers; false also when the client broke the protocol. */
  #reads(read: () => boolean): boolean {
    try {
      return read();
    } catch (error) {
      this.#state = 'finished';
      this.#flow.violated(messageOf(error));
      return true;
    }
  }

  #hasRoom(): boolean {
    return (
      this.#requests < this.#limits.requestsInFlightMax &&
      this.#bytes < this.#limits.bytesInFlightMax &&
      this.#budget.hasRoom()
    );
  }

  #finishIfIdle(): void {
    if (this.#state === 'finished' || (this.#state === 'open' && !this.#inputEnded)) return;
    if (this.#reader.holds && this.#state !== 'ended') return;
    // A write that was cut off in its payload will never be whole.
    if (this.#requests > (this.#inputEnded && this.#reader.inPayload ? 1 : 0)) return;
    this.#state = 'finished';
    this.#flow.finished();
  }

  #admit(request: Request, payloadLength: number): Admission {
    if (request.type === nbd.NBD_CMD_DISC) {
      this.#state = 'ended';
      this.#finishIfIdle();
      return STOP;
    }
    if (payloadLength > nbd.NBD_PAYLOAD_MAX && this.#session.headers === 'extended') {
      // proto.md, "Request message": such a client is cut off; going by 2^64 bytes would take for ever.
      throw new NbdFormatError('The client announced a payload above 32 MiB.');
    }
    this.#requests += 1;
    const refusal = this.#state === 'draining' ? SHUTTING_DOWN : refuse(request, this.#facts);
    if (refusal !== undefined) return { kind: 'refuse', refusal };
    const bytes = this.#cost(request);
    this.#bytes += bytes;
    if (bytes > 0) this.#budget.take(bytes);
    return TAKE;
  }

  /** What an admitted request holds of the budgets until its reply is taken: the payload in, or what comes out. */
  #cost(request: Request): number {
    switch (request.type) {
      case nbd.NBD_CMD_READ:
      case nbd.NBD_CMD_WRITE:
        return request.length;
      case nbd.NBD_CMD_CACHE:
        return PREFETCH_PIECE_BYTES;
      case nbd.NBD_CMD_BLOCK_STATUS:
        return STATUS_CHUNK_BYTES_MAX * this.#session.contexts.length;
      default:
        return 0;
    }
  }

  #perform(request: Request, payload: Buffer | undefined): void {
    const { served } = this.#session;
    const { offset, length } = request;
    const durable = (request.flags & nbd.NBD_CMD_FLAG_FUA) !== 0 ? FUA : NO_FUA;
    try {
      if (length === 0 && request.type !== nbd.NBD_CMD_FLUSH) {
        // The specification leaves these open; they do nothing. FUA promises nothing either, for nothing was written.
        this.#replies.succeed(request, this.#cost(request));
        return;
      }
      switch (request.type) {
        case nbd.NBD_CMD_READ:
          this.#read(request);
          return;
        case nbd.NBD_CMD_WRITE:
          this.#write(request, payload ?? NOTHING, durable);
          return;
        case nbd.NBD_CMD_FLUSH:
          this.#settle(request, served.flush());
          return;
        case nbd.NBD_CMD_TRIM:
          this.#settle(request, served.trim(offset, length, durable));
          return;
        case nbd.NBD_CMD_WRITE_ZEROES: {
          const noHole = (request.flags & nbd.NBD_CMD_FLAG_NO_HOLE) !== 0;
          this.#settle(request, served.zero(offset, length, { ...durable, noHole }));
          return;
        }
        case nbd.NBD_CMD_CACHE:
          this.#settle(request, this.#prefetch(offset, length));
          return;
        default:
          this.#answerBlockStatus(request, payload).catch((error: unknown) => this.#fail(request, error));
      }
    } catch (error) {
      this.#fail(request, error);
    }
  }

  #settle(request: Request, done: Promise<void>): void {
    done.then(
      () => this.#replies.succeed(request, this.#cost(request)),
      (error: unknown) => this.#fail(request, error),
    );
  }

  #write(request: Request, payload: Buffer, durable: { readonly fua: boolean }): void {
    const done = this.#session.served.write(request.offset, payload, durable);
    // Writes that the export answers together have one promise, and need one look at it.
    if (this.#lastWrites?.done === done) {
      this.#lastWrites.writes.push({ request, payload });
      return;
    }
    const writes = [{ request, payload }];
    this.#lastWrites = { done, writes };
    const settle = (answer: (request: Request) => void): void => {
      if (this.#lastWrites?.writes === writes) this.#lastWrites = undefined;
      for (const each of writes) {
        this.#payloads.giveBack(each.payload);
        answer(each.request);
      }
    };
    done.then(
      () => settle((each) => this.#replies.succeed(each, each.length)),
      (error: unknown) => settle((each) => this.#fail(each, error)),
    );
  }

  #read(request: Request): void {
    const { served } = this.#session;
    const { offset, length } = request;
    // What is in memory is opened right into the reply.
    const fill = (out: Buffer, at: number): boolean => served.readCached?.(offset + at, out) === true;
    const answered = this.#replies.contentAtHand(request, fill);
    if (answered === length) return;
    served.read(offset + answered, length - answered).then(
      (data) => {
        if (data.length === length - answered) this.#replies.content(request, data, length, answered);
        else this.#fail(request, new Error(`bug: the export answered ${data.length} bytes for a read of ${length}`));
      },
      (error: unknown) => this.#fail(request, error),
    );
  }

  /** Reading brings the pages of the map and the sealed blocks into memory, where a read that follows finds them. */
  async #prefetch(offset: number, length: number): Promise<void> {
    const end = offset + Math.min(length, PREFETCH_BYTES_MAX);
    for (let at = offset; at < end && this.#state !== 'finished'; at += PREFETCH_PIECE_BYTES) {
      await this.#session.served.read(at, Math.min(PREFETCH_PIECE_BYTES, end - at));
    }
  }

  async #answerBlockStatus(request: Request, payload: Buffer | undefined): Promise<void> {
    let { length } = request;
    let { contexts } = this.#session;
    if (payload !== undefined) {
      const asked = decodeStatusPayload(payload);
      this.#payloads.giveBack(payload);
      length = asked.length;
      contexts = contexts.filter(({ id }) => asked.contextIds.includes(id));
      const refusal =
        contexts.length === 0 || contexts.length !== asked.contextIds.length
          ? UNKNOWN_CONTEXT
          : refuseStatus(request.offset, length, this.#facts);
      if (refusal !== undefined) {
        this.#replies.refuse(request, refusal, this.#cost(request));
        return;
      }
    }
    const countMax = (request.flags & nbd.NBD_CMD_FLAG_REQ_ONE) !== 0 ? 1 : EXTENTS_MAX;
    const statuses: { contextId: number; extents: StatusExtent[] }[] = [];
    for (const { id, status } of contexts) {
      statuses.push({ contextId: id, extents: joined(await status(request.offset, length), length, countMax) });
    }
    this.#replies.blockStatus(request, statuses, this.#cost(request));
  }

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
    this.#replies.refuse(request, refusalOf(error), this.#cost(request));
  }
}
