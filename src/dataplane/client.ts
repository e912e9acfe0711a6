import { connect, type Socket } from 'node:net';

import type { Clock } from '../base/clock.ts';
import { SystemError } from '../base/errors.ts';
import {
  encodeMessage,
  MessageReader,
  PROTOCOL_VERSION,
  type Event,
  type Hello,
  type Method,
  type Methods,
  type Reply,
} from './protocol.ts';

/** A disk server that says nothing for this long is hung: below the 10 s within which an API call must answer. */
const SILENCE_MS_MAX = 8_000;
const PING_EVERY_MS = 2_000;
/** The longest that a live server may work on one request (a checkpoint of a busy disk). */
const REQUEST_MS_MAX = 120_000;

interface Waiting {
  resolve(result: object): void;
  reject(error: Error): void;
  readonly sinceMs: number;
}

/** One connection to a disk server. Ends when the socket does; `closed` tells. */
export class DataPlaneClient {
  readonly hello: Hello;
  /** Settles when the connection is gone, however that happened. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #heardMs: number;

  private constructor(
    socket: Socket,
    reader: MessageReader,
    hello: Hello,
    clock: Clock,
    onEvent: (event: Event) => void,
  ) {
    this.#socket = socket;
    this.#clock = clock;
    this.hello = hello;
    this.#heardMs = clock.monotonicMs();
    const watch = clock.every(PING_EVERY_MS, () => this.#watch());
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        watch[Symbol.dispose]();
        this.#failAll('the disk server closed the connection');
        resolve();
      });
    });
    socket.on('data', (chunk: Buffer) => {
      this.#heardMs = clock.monotonicMs();
      try {
        for (const message of reader.push(chunk)) this.#receive(message as Reply | Event, onEvent);
      } catch {
        socket.destroy();
      }
    });
    socket.on('error', () => socket.destroy());
  }

  /**
   * Connects and reads the greeting.
   * @throws {SystemError} kind `unavailable`: nobody listens, or nobody answers within 8 s; `conflict`: it speaks another protocol version.
   */
  static async connect(socketPath: string, clock: Clock, onEvent: (event: Event) => void): Promise<DataPlaneClient> {
    const socket = connect(socketPath);
    const reader = new MessageReader();
    const timeout = new AbortController();
    try {
      const hello = await Promise.race([
        new Promise<Hello>((resolve, reject) => {
          const gone = (error?: Error): void =>
            reject(new SystemError('unavailable', 'DISK_SERVER_GONE', 'no disk server answers', { cause: error }));
          socket.once('error', gone);
          socket.once('close', () => gone());
          socket.on('data', (chunk: Buffer) => {
            try {
              const [first] = reader.push(chunk);
              if (first !== undefined) resolve(first as Hello);
            } catch (error) {
              reject(error as Error);
            }
          });
        }),
        clock.sleep(SILENCE_MS_MAX, timeout.signal).then(() => {
          throw new SystemError(
            'unavailable',
            'DISK_SERVER_HUNG',
            'the disk server accepts connections but does not answer',
          );
        }),
      ]);
      socket.removeAllListeners('data');
      socket.removeAllListeners('error');
      socket.removeAllListeners('close');
      if (hello.protocol !== PROTOCOL_VERSION) {
        throw new SystemError(
          'conflict',
          'DISK_SERVER_VERSION',
          `the running disk server (process ${hello.pid}, version ${hello.version}) speaks protocol ${hello.protocol}, this program ${PROTOCOL_VERSION}; ` +
            `close its exports with the version that started it, or stop process ${hello.pid}, then start again`,
        );
      }
      return new DataPlaneClient(socket, reader, hello, clock, onEvent);
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      timeout.abort(new Error('connected'));
    }
  }

  /** Sends a request; key material in `params` is wiped from the sent bytes, not from the caller's buffers. */
  request<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    if (this.#socket.destroyed)
      return Promise.reject(new SystemError('unavailable', 'DISK_SERVER_GONE', 'the disk server is not connected'));
    const id = this.#nextId++;
    const nowMs = this.#clock.monotonicMs();
    if (this.#waiting.size === 0) this.#heardMs = nowMs;
    const bytes = encodeMessage({ id, method, params });
    const result = new Promise<object>((resolve, reject) => this.#waiting.set(id, { resolve, reject, sinceMs: nowMs }));
    this.#socket.write(bytes, () => bytes.fill(0));
    return result as Promise<Methods[M]['result']>;
  }

  disconnect(): void {
    this.#socket.destroy();
  }

  #receive(message: Reply | Event, onEvent: (event: Event) => void): void {
    if ('event' in message) {
      onEvent(message);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (waiting === undefined) return;
    this.#waiting.delete(message.id);
    if ('error' in message)
      waiting.reject(new SystemError(message.error.kind, message.error.code, message.error.message));
    else waiting.resolve(message.result);
  }

  #watch(): void {
    if (this.#waiting.size === 0) return;
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#heardMs >= SILENCE_MS_MAX) {
      // The connection stays: the server may only be stopped for a while. Callers get their answer now.
      this.#failAll('the disk server has not answered for 8 s');
      return;
    }
    for (const [id, waiting] of this.#waiting) {
      if (nowMs - waiting.sinceMs < REQUEST_MS_MAX) continue;
      this.#waiting.delete(id);
      waiting.reject(
        new SystemError(
          'unavailable',
          'DISK_SERVER_SLOW',
          'the disk server has worked on this for two minutes; look at its log',
        ),
      );
    }
    this.#socket.write(encodeMessage({ id: 0, method: 'ping', params: {} }));
  }

  #failAll(reason: string): void {
    for (const waiting of this.#waiting.values())
      waiting.reject(new SystemError('unavailable', 'DISK_SERVER_GONE', reason));
    this.#waiting.clear();
  }
}
