import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { MiB } from '../base/units.ts';
import { refusalOf } from './errno.ts';
import type { Refusal } from './errno.ts';
import type { Export } from './export.ts';
import { EXTENTS_MAX, joined, STATUS_CHUNK_BYTES_MAX } from './metadata-contexts.ts';
import type { MetadataContext } from './metadata-contexts.ts';
import type { PayloadPool } from './payload-pool.ts';
import * as nbd from './protocol.ts';
import type { Replies } from './replies.ts';
import type { StatusExtent } from './reply-wire.ts';
import { decodeStatusPayload } from './request-wire.ts';
import type { Request } from './request-wire.ts';
import { refuseStatus } from './validate.ts';
import type { ServedExport } from './validate.ts';

const UNKNOWN_CONTEXT: Refusal = { error: nbd.NBD_EINVAL, message: 'A context was not selected, or is named twice.' };
/** NBD_CMD_CACHE reads so much at a time, and this much of a longer range. */
const PREFETCH_PIECE_BYTES = 1 * MiB;
const PREFETCH_BYTES_MAX = 64 * MiB;
const NOTHING = Buffer.alloc(0);
const FUA = { fua: true } as const;
const NO_FUA = { fua: false } as const;

/** Does what admitted requests ask of an export, and answers them. */
export class ServedRequests {
  readonly #exportName: string;
  readonly #served: Export;
  readonly #contexts: readonly MetadataContext[];
  readonly #facts: ServedExport;
  readonly #replies: Replies;
  readonly #payloads: PayloadPool;
  readonly #log: Logger;
  #failures = 0;
  #stopped = false;
  #lastWrites: { readonly done: Promise<void>; readonly writes: { request: Request; payload: Buffer }[] } | undefined;

  constructor(
    session: { readonly exportName: string; readonly served: Export; readonly contexts: readonly MetadataContext[] },
    parts: {
      readonly facts: ServedExport;
      readonly replies: Replies;
      readonly payloads: PayloadPool;
      readonly log: Logger;
    },
  ) {
    this.#exportName = session.exportName;
    this.#served = session.served;
    this.#contexts = session.contexts;
    this.#facts = parts.facts;
    this.#replies = parts.replies;
    this.#payloads = parts.payloads;
    this.#log = parts.log;
  }

  /** What is done for nobody but this client ends. */
  stop(): void {
    this.#stopped = true;
  }

  /** What an admitted request holds of the budgets until its reply is taken: the payload in, or what comes out. */
  cost(request: Request): number {
    switch (request.type) {
      case nbd.NBD_CMD_READ:
      case nbd.NBD_CMD_WRITE:
        return request.length;
      case nbd.NBD_CMD_CACHE:
        return PREFETCH_PIECE_BYTES;
      case nbd.NBD_CMD_BLOCK_STATUS:
        return STATUS_CHUNK_BYTES_MAX * this.#contexts.length;
      default:
        return 0;
    }
  }

  perform(request: Request, payload: Buffer | undefined): void {
    const served = this.#served;
    const { offset, length } = request;
    const durable = (request.flags & nbd.NBD_CMD_FLAG_FUA) !== 0 ? FUA : NO_FUA;
    try {
      if (length === 0 && request.type !== nbd.NBD_CMD_FLUSH) {
        // The specification leaves these open; they do nothing. FUA promises nothing either, for nothing was written.
        this.#replies.succeed(request, this.cost(request));
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
      () => this.#replies.succeed(request, this.cost(request)),
      (error: unknown) => this.#fail(request, error),
    );
  }

  #write(request: Request, payload: Buffer, durable: { readonly fua: boolean }): void {
    const done = this.#served.write(request.offset, payload, durable);
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
    const served = this.#served;
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
    for (let at = offset; at < end && !this.#stopped; at += PREFETCH_PIECE_BYTES) {
      await this.#served.read(at, Math.min(PREFETCH_PIECE_BYTES, end - at));
    }
  }

  async #answerBlockStatus(request: Request, payload: Buffer | undefined): Promise<void> {
    let { length } = request;
    let contexts = this.#contexts;
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
        this.#replies.refuse(request, refusal, this.cost(request));
        return;
      }
    }
    const countMax = (request.flags & nbd.NBD_CMD_FLAG_REQ_ONE) !== 0 ? 1 : EXTENTS_MAX;
    const statuses: { contextId: number; extents: StatusExtent[] }[] = [];
    for (const { id, status } of contexts) {
      statuses.push({ contextId: id, extents: joined(await status(request.offset, length), length, countMax) });
    }
    this.#replies.blockStatus(request, statuses, this.cost(request));
  }

  #fail(request: Request, error: unknown): void {
    this.#failures += 1;
    // A broken disk fails every request: write about the 1st, 2nd, 4th, 8th … of a connection.
    if ((this.#failures & (this.#failures - 1)) === 0) {
      const { type, offset, length } = request;
      const code = error instanceof SystemError ? error.code : 'INTERNAL';
      const fields = {
        exportName: this.#exportName,
        type,
        offset,
        length,
        code,
        failures: this.#failures,
        error: messageOf(error),
      };
      this.#log.error(fields, 'an NBD request failed');
    }
    this.#replies.refuse(request, refusalOf(error), this.cost(request));
  }
}
