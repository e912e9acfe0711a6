// The HTTP side of the front door: sockets, limits, request ids. What a request means is in pipeline.ts.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Action, Product } from '../api/action.ts';
import type { CallOutcome } from '../api/audited-call.ts';
import { ApiError } from '../api/errors.ts';
import { describeAction } from '../api/products.ts';
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { randomUuid } from '../base/random.ts';
import { auditedCall, notRecorded } from './audit.ts';
import { isUnexpected, toApiError } from './error-response.ts';
import type { Exchange, FrontDoor } from './exchange.ts';
import { requestIdOf } from './exchange.ts';
import { GuessGuard } from './guess-guard.ts';
import { answerWith, createHttpServer, listen } from './http-server.ts';
import { httpRequestOf, refuseMethodAndPath } from './http-request.ts';
import { RateLimiter } from './limit-rate.ts';
import type { RpcLimits } from './limits.ts';
import { DEFAULT_RPC_LIMITS } from './limits.ts';
import { NonceJournal } from './nonce-journal.ts';
import { runPipeline } from './pipeline.ts';
import type { AccessKeyUses, AuditTrail, Authorizer, ClientTokenStore, Credentials, Registry } from './ports.ts';
import { readBody } from './read-body.ts';
import { RequestIds } from './request-ids.ts';
import { ReplayGuard } from './replay.ts';
import type { HttpAnswer } from './respond.ts';
import { errorAnswer, successAnswer } from './respond.ts';
import { refuseSocket } from './refuse-socket.ts';

export interface RpcServerOptions {
  readonly registry: Registry;
  readonly credentials: Credentials;
  readonly authorizer: Authorizer;
  readonly accessKeyUses?: AccessKeyUses;
  readonly clientTokens: ClientTokenStore;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  /** The one that clients sign by, when `clock` was put forward for tests. Default: `clock`. */
  readonly signatureClock?: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly defaultRegion: string;
  readonly limits?: Partial<RpcLimits>;
  /** One that listens already and answers that it is sealed. Default: a new one. */
  readonly server?: Server | undefined;
  /** Where used nonces are kept across restarts; without it they are kept in memory only. */
  readonly nonceDirectory?: string;
}

export class RpcServer {
  readonly #door: FrontDoor;
  readonly #clock: Clock;
  readonly #requestIds: RequestIds;
  readonly #log: Logger;
  readonly #limits: RpcLimits;
  readonly #server: Server;
  readonly #journal: NonceJournal | undefined;
  readonly #running = new Set<AbortController>();
  #onIdle: (() => void) | undefined;

  constructor(options: RpcServerOptions) {
    const { registry, credentials, authorizer, clientTokens, audit, clock, random, log, defaultRegion } = options;
    this.#clock = clock;
    this.#requestIds = new RequestIds(random);
    this.#log = log;
    this.#limits = { ...DEFAULT_RPC_LIMITS, ...options.limits };
    this.#journal = options.nonceDirectory === undefined ? undefined : new NonceJournal(options.nonceDirectory, log);
    const actions = indexed(registry);
    this.#door = {
      clock,
      credentials,
      authorizer,
      accessKeyUses: options.accessKeyUses,
      clientTokens,
      audit,
      defaultRegion,
      replayGuard: new ReplayGuard(options.signatureClock ?? clock, this.#journal),
      guesses: new GuessGuard(clock, log, this.#limits.guesses),
      rateLimiter: new RateLimiter(clock, this.#limits.rates),
      owner: randomUuid(random),
      findAction: (product, name) => actions.get(`${product}/${name}`),
    };
    this.#server = options.server ?? createHttpServer(this.#limits);
    this.#server.on('clientError', (error: Error & { code?: string }, socket: Socket) =>
      refuseSocket(error, socket, randomUuid(random).toUpperCase()),
    );
  }

  /**
   * Starts to serve. Answers the address, with the real port when `port` is 0.
   * @throws the operating system's error, such as EADDRINUSE.
   */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ host: string; port: number }> {
    answerWith(this.#server, (request, response) => void this.#serve(request, response));
    return listen(this.#server, address);
  }

  /** Takes no new request, waits up to `graceMs` for the running ones, then cuts what is left. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    if (this.#running.size > 0) {
      const enough = new AbortController();
      const idle = new Promise<void>((resolve) => (this.#onIdle = resolve));
      await Promise.race([idle, this.#clock.sleep(graceMs, enough.signal).catch(() => undefined)]);
      enough.abort();
    }
    for (const running of this.#running) running.abort(new Error('the server is stopping'));
    this.#server.closeAllConnections();
    await closed;
    this.#journal?.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const abort = new AbortController();
    this.#running.add(abort);
    response.once('close', () => {
      if (!response.writableFinished) abort.abort(new Error('the client went away'));
    });
    try {
      send(response, await this.#answer(request, abort.signal));
    } catch (error) {
      // The socket broke while the request was read: there is nobody to answer.
      this.#log.debug({ reason: error instanceof Error ? error.message : error }, 'a request ended early');
      response.destroy();
    } finally {
      this.#running.delete(abort);
      if (this.#running.size === 0) this.#onIdle?.();
    }
  }

  async #answer(request: IncomingMessage, signal: AbortSignal): Promise<HttpAnswer> {
    const startedMs = this.#clock.monotonicMs();
    const exchange: Exchange = { http: httpRequestOf(request), uuid: this.#requestIds.next(), signal };
    if (exchange.http.method === 'GET' && exchange.http.path === '/healthz') return HEALTHY;
    let failure: unknown;
    try {
      refuseMethodAndPath(exchange.http);
      if (this.#running.size > this.#limits.requestsMax) throw tooBusy();
      exchange.http = { ...exchange.http, body: await readBody(request, this.#limits.bodyBytesMax) };
      await this.#door.audit.during(
        () => requestIdOf(exchange),
        () => runPipeline(exchange, this.#door),
      );
    } catch (error) {
      if (request.destroyed && !request.complete) throw error;
      failure = error;
    }
    failure = await this.#recordEnd(exchange, failure);
    if (failure === undefined) {
      this.#logRequest(exchange, startedMs, 200, undefined);
      return successAnswer(exchange);
    }
    const apiError = toApiError(failure, exchange.product);
    this.#logRequest(exchange, startedMs, apiError.httpStatus, { code: apiError.code, error: failure });
    const answer = errorAnswer(exchange, apiError);
    // What is left of a refused body is not worth reading.
    return request.complete ? answer : { ...answer, headers: { ...answer.headers, connection: 'close' } };
  }

  /** Answers why the request fails, which may be that its outcome cannot be recorded. */
  async #recordEnd(exchange: Exchange, failure: unknown): Promise<unknown> {
    const { audit } = this.#door;
    const outcome = failure === undefined ? success(exchange) : refusal(toApiError(failure, exchange.product));
    try {
      await audit.end(auditedCall(exchange), outcome, exchange.hasBegun === true);
      return failure;
    } catch (error) {
      return notRecorded(exchange, error);
    }
  }

  #logRequest(
    exchange: Exchange,
    startedMs: number,
    status: number,
    failure: { readonly code: string; readonly error: unknown } | undefined,
  ): void {
    const fields = {
      requestId: requestIdOf(exchange),
      product: exchange.product,
      action: exchange.actionName?.slice(0, 64),
      accountId: exchange.caller?.accountId,
      status,
      ms: this.#clock.monotonicMs() - startedMs,
    };
    if (failure === undefined) this.#log.debug(fields, 'answered');
    else if (isUnexpected(failure.error))
      this.#log.error({ ...fields, code: failure.code, err: failure.error }, 'failed');
    else this.#log.info({ ...fields, code: failure.code }, 'refused');
  }
}

const HEALTHY: HttpAnswer = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"status":"ok"}',
};

function indexed(registry: Registry): ReadonlyMap<string, Action> {
  const actions = new Map<string, Action>();
  for (const action of registry) {
    const key = `${action.product satisfies Product}/${action.name}`;
    assert(!actions.has(key), `the action ${key} is registered twice`);
    assert(
      describeAction(action.product, action.name) !== undefined,
      `the action ${key} is not in spec/supported.json`,
    );
    actions.set(key, action);
  }
  return actions;
}

function success({ body }: Exchange): CallOutcome {
  return { status: 200, code: 'OK', body };
}

/** Without the message of SignatureDoesNotMatch, which repeats what the client sent. */
function refusal({ httpStatus, code, message }: ApiError): CallOutcome {
  return { status: httpStatus, code, message: code === 'SignatureDoesNotMatch' ? undefined : message };
}

function tooBusy(): ApiError {
  return new ApiError(
    'ServiceUnavailable',
    503,
    'The server has as many requests as it can handle. Try again shortly.',
  );
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, { 'cache-control': 'no-store', 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}
