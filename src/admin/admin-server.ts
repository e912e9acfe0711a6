import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { listenPrivately } from '../base/system-private-socket.ts';
import { ADMIN_BODY_BYTES_MAX, type AdminOperations } from './admin-protocol.ts';

/** What an owner may do without an AccessKey: HTTP with JSON over a Unix socket that only the owner of the data directory can reach. */
export class AdminServer {
  readonly #operations: AdminOperations;
  readonly #log: Logger;
  #server: Server | undefined;

  constructor(operations: AdminOperations, log: Logger) {
    this.#operations = operations;
    this.#log = log;
  }

  async listen(socketPath: string): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    await listenPrivately(server, socketPath);
    this.#server = server;
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const name = (request.url ?? '/').slice(1) as keyof AdminOperations;
      const operation = Object.hasOwn(this.#operations, name) ? this.#operations[name] : undefined;
      if (operation === undefined || request.method !== 'POST') {
        throw new SystemError(
          'not-found',
          'UNKNOWN_OPERATION',
          'this version of sealdisk has no such administration operation',
        );
      }
      const input = JSON.parse(await readBody(request)) as never;
      const output = await operation(input);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(output));
    } catch (error) {
      const { kind, code } = error instanceof SystemError ? error : { kind: 'internal', code: 'INTERNAL' };
      if (!(error instanceof SystemError))
        this.#log.error({ err: error }, 'an administration request failed unexpectedly');
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ kind, code, message: messageOf(error) }));
    }
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > ADMIN_BODY_BYTES_MAX)
      throw new SystemError('invalid', 'BODY_TOO_LARGE', 'the request is too large');
  }
  return body === '' ? '{}' : body;
}
