import { createServer, type Server, type Socket } from 'node:net';

import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { listenPrivately } from '../base/system-private-socket.ts';
import {
  encodeMessage,
  MessageReader,
  type Event,
  type Hello,
  type Method,
  type Methods,
  type Request,
} from '../dataplane/protocol.ts';
import { StaticReceive } from '../nbd/static-receive.ts';

/** What answers each method. */
export type Handlers = { readonly [M in Method]: (params: Methods[M]['params']) => Promise<Methods[M]['result']> };

/** The disk server's private socket: owner only, one control plane at a time is enough, more do no harm. */
export class ControlServer {
  readonly #hello: Hello;
  readonly #handlers: Handlers;
  readonly #log: Logger;
  readonly #sockets = new Set<Socket>();
  readonly #received = new StaticReceive();
  #server: Server | undefined;

  constructor(hello: Hello, handlers: Handlers, log: Logger) {
    this.#hello = hello;
    this.#handlers = handlers;
    this.#log = log;
  }

  async listen(socketPath: string): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    await listenPrivately(server, socketPath);
    this.#server = server;
  }

  /** Tells every connected control plane. */
  publish(event: Event): void {
    const bytes = encodeMessage(event);
    for (const socket of this.#sockets) socket.write(bytes);
  }

  close(): void {
    this.#server?.close();
    for (const socket of this.#sockets) socket.end();
  }

  #serve(accepted: Socket): void {
    const reader = new MessageReader();
    let socket = accepted;
    const receive = (chunk: Uint8Array): void => {
      try {
        for (const message of reader.push(chunk)) void this.#answer(socket, message as Request);
      } catch (error) {
        this.#log.error({ reason: messageOf(error) }, 'a control connection sent something that is not our protocol');
        socket.destroy();
      }
    };
    // Messages carry keys. A stream would leave them behind in each buffer that it reads into and then cuts to size; in
    // this one, the reader wipes what it was given.
    const adopted = this.#received.adopt(accepted, { target: () => undefined, filled: () => undefined, receive });
    if (adopted === undefined) socket.on('data', receive);
    else socket = adopted;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('end', () => socket.end());
    socket.on('error', () => socket.destroy());
    socket.write(encodeMessage(this.#hello));
    socket.resume();
  }

  async #answer(socket: Socket, request: Request): Promise<void> {
    let reply: object;
    try {
      const handler = Object.hasOwn(this.#handlers, request.method)
        ? (this.#handlers[request.method] as (params: object) => Promise<object>)
        : undefined;
      if (handler === undefined)
        throw new SystemError('invalid', 'UNKNOWN_METHOD', `this disk server has no method ${request.method}`);
      reply = { id: request.id, result: await handler(request.params) };
    } catch (error) {
      if (!(error instanceof SystemError))
        this.#log.error({ method: request.method, err: error }, 'a request of the control plane failed unexpectedly');
      const { kind, code } = error instanceof SystemError ? error : { kind: 'internal', code: 'INTERNAL' };
      reply = { id: request.id, error: { kind, code, message: messageOf(error) } };
    } finally {
      wipeKeys(request.params);
    }
    const bytes = encodeMessage(reply);
    if (!socket.destroyed) socket.write(bytes, () => bytes.fill(0));
  }
}

/** Zeroes every data key among the parameters, which may be anything: whoever needed it has taken a copy of its own. */
function wipeKeys(params: object | undefined): void {
  for (const [name, value] of Object.entries(params ?? {})) {
    if ((name === 'key' || name === 'psk' || name === 'streamKey') && value instanceof Uint8Array) value.fill(0);
    else if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) wipeKeys(value as object);
  }
}
