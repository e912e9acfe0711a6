import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { listenPrivately } from '../base/system-private-socket.ts';
import { wipeableCopy } from '../base/wipeable-bytes.ts';
import { ADMIN_BODY_BYTES_MAX, type AdminOperations } from './admin-protocol.ts';

type Operation = (input: never, secret?: Uint8Array) => Promise<unknown>;

const LINE_FEED = 0x0a;

/** What an owner may do without an AccessKey: HTTP with JSON over a Unix socket that only the owner of the data directory can reach. */
export class AdminServer {
  #operations: Partial<AdminOperations> = {};
  #state: 'starting' | 'sealed' | 'open' = 'starting';
  readonly #log: Logger;
  #server: Server | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** From now on these operations and no other. A sealed server has few. */
  offer(state: 'sealed' | 'open', operations: Partial<AdminOperations>): void {
    this.#state = state;
    this.#operations = operations;
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
    let secret: Uint8Array | undefined;
    try {
      const body = await readBody(request);
      secret = body.secret;
      const output = await this.#find(request)(body.input as never, secret);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(output));
    } catch (error) {
      const { kind, code } = error instanceof SystemError ? error : { kind: 'internal', code: 'INTERNAL' };
      if (!(error instanceof SystemError))
        this.#log.error({ err: error }, 'an administration request failed unexpectedly');
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ kind, code, message: messageOf(error) }));
    } finally {
      secret?.fill(0);
    }
  }

  #find(request: IncomingMessage): Operation {
    const name = (request.url ?? '/').slice(1) as keyof AdminOperations;
    const operation = Object.hasOwn(this.#operations, name) ? this.#operations[name] : undefined;
    if (operation !== undefined && request.method === 'POST') return operation as Operation;
    throw REFUSALS[this.#state];
  }
}

const REFUSALS = {
  starting: new SystemError('unavailable', 'STARTING', 'the server is starting; try again in a moment'),
  sealed: new SystemError('unavailable', 'SEALED', 'the server is sealed; open it first with: sealdisk unseal'),
  open: new SystemError(
    'not-found',
    'UNKNOWN_OPERATION',
    'this version of sealdisk has no such administration operation',
  ),
} as const;

/** JSON, and the secret behind its line feed, if there is one; wiped by the caller. */
async function readBody(
  request: IncomingMessage,
): Promise<{ readonly input: unknown; readonly secret: Uint8Array | undefined }> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes > ADMIN_BODY_BYTES_MAX)
        throw new SystemError('invalid', 'BODY_TOO_LARGE', 'the request is too large');
    }
    const body = Buffer.concat(chunks);
    const end = body.indexOf(LINE_FEED);
    const text = body.toString('utf8', 0, end === -1 ? body.length : end);
    const secret = end === -1 ? undefined : wipeableCopy(body.subarray(end + 1));
    body.fill(0);
    return { input: JSON.parse(text === '' ? '{}' : text) as unknown, secret };
  } finally {
    for (const chunk of chunks) chunk.fill(0);
  }
}
