// The front door of a server whose root key is not open yet: every call is answered, none is served.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

import { toXml } from '../api/encode.ts';
import { ApiError } from '../api/errors.ts';
import type { Random } from '../base/random.ts';
import { randomUuid } from '../base/random.ts';
import { errorBody } from './error-response.ts';
import { answerWith, createHttpServer, listen } from './http-server.ts';
import { DEFAULT_RPC_LIMITS } from './limits.ts';

const RETRY_AFTER_S = '5';

/** Answers `/healthz` with 503 and `{"status":"sealed"}`, and everything else with a 503 of the API's own shape. */
export class SealedDoor implements AsyncDisposable {
  /** What the front door takes over when the server is opened, without letting go of the address. */
  readonly server: Server = createHttpServer(DEFAULT_RPC_LIMITS);
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    answerWith(this.server, (request, response) => this.#answer(request, response));
  }

  /** Answers the address, with the real port when `port` is 0. @throws the operating system's error, such as EADDRINUSE. */
  listen(address: { readonly host: string; readonly port: number }): Promise<{ host: string; port: number }> {
    return listen(this.server, address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.server.listening) return;
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeAllConnections();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://sealed');
    if (request.method === 'GET' && pathname === '/healthz') {
      send(response, 'application/json', '{"status":"sealed"}');
      return;
    }
    const requestId = randomUuid(this.#random).toUpperCase();
    const body = errorBody(sealed(), requestId, (request.headers.host ?? '').slice(0, 255));
    response.setHeader('x-acs-request-id', requestId);
    if (searchParams.get('Format')?.toUpperCase() === 'XML')
      send(response, 'text/xml;charset=utf-8', toXml('Error', body));
    else send(response, 'application/json', JSON.stringify(body));
  }
}

function send(response: ServerResponse, contentType: string, body: string): void {
  response.writeHead(503, {
    'cache-control': 'no-store',
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'retry-after': RETRY_AFTER_S,
    // What is left of a refused body is not worth reading.
    connection: 'close',
  });
  response.end(body);
}

function sealed(): ApiError {
  return new ApiError(
    'ServiceUnavailable',
    503,
    'The server is sealed: its root key is not open yet. Its operator opens it with: sealdisk unseal',
  );
}
