import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Budget } from './budget.ts';
import type { Refusal } from './errno.ts';
import type { Export } from './export.ts';
import { NbdFormatError } from './format-error.ts';
import type { NbdLimits } from './limits.ts';
import type { MetadataContext } from './metadata-contexts.ts';
import type { PayloadPool } from './payload-pool.ts';
import * as nbd from './protocol.ts';
import type { Replies } from './replies.ts';
import { RequestReader } from './request-reader.ts';
import type { Admission } from './request-reader.ts';
import type { Request } from './request-wire.ts';
import { ServedRequests } from './served-requests.ts';
import { refuse } from './validate.ts';
import type { Headers, ServedExport } from './validate.ts';

const SHUTTING_DOWN: Refusal = { error: nbd.NBD_ESHUTDOWN, message: 'The export is being closed.' };
const TAKE: Admission = { kind: 'take' };
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
  readonly #facts: ServedExport;
  readonly #limits: NbdLimits;
  readonly #budget: Budget;
  readonly #flow: Flow;
  readonly #replies: Replies;
  readonly #served: ServedRequests;
  readonly #reader: RequestReader;
  #state: 'open' | 'draining' | 'ended' | 'finished' = 'open';
  #paused = false;
  #inputEnded = false;
  #requests = 0;
  #bytes = 0;

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
    this.#replies = io.replies;
    this.#flow = io.flow;
    this.#limits = settings.limits;
    this.#budget = settings.budget;
    this.#facts = {
      sizeBytes: session.served.sizeBytes,
      readOnly: session.served.readOnly,
      preferredBlockBytes: session.served.blockSize.preferred,
      headers: session.headers,
      blockStatus: session.contexts.length > 0,
    };
    this.#served = new ServedRequests(session, {
      facts: this.#facts,
      replies: io.replies,
      payloads: settings.payloads,
      log: settings.log,
    });
    this.#reader = new RequestReader(session.headers === 'extended', settings.payloads, {
      hasRoom: () => this.#hasRoom(),
      admit: (request, payloadLength) => this.#admit(request, payloadLength),
      perform: (request, payload) => this.#served.perform(request, payload),
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
    this.#served.stop();
    this.#budget.forget(this.#onRoom);
    const cutOff = this.#reader.close();
    if (cutOff !== undefined) this.#budget.giveBack(this.#served.cost(cutOff));
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
    if (payloadLength > nbd.NBD_PAYLOAD_MAX && this.#facts.headers === 'extended') {
      // proto.md, "Request message": such a client is cut off; going by 2^64 bytes would take for ever.
      throw new NbdFormatError('The client announced a payload above 32 MiB.');
    }
    this.#requests += 1;
    const refusal = this.#state === 'draining' ? SHUTTING_DOWN : refuse(request, this.#facts);
    if (refusal !== undefined) return { kind: 'refuse', refusal };
    const bytes = this.#served.cost(request);
    this.#bytes += bytes;
    if (bytes > 0) this.#budget.take(bytes);
    return TAKE;
  }
}
