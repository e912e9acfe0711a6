// The HTTP server of the front door, before it is decided who answers: a sealed server hands it on when it is opened.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';

import { assert } from '../base/assert.ts';
import type { RpcLimits } from './limits.ts';

export function createHttpServer(limits: RpcLimits): Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: limits.checkMs,
  });
  server.maxConnections = limits.connectionsMax;
  return server;
}

/** From now on `handler` answers, and nobody else. */
export function answerWith(
  server: Server,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  server.removeAllListeners('request');
  server.on('request', handler);
}

/**
 * Starts to listen, unless the server does already. Answers the address, with the real port when `port` is 0.
 * @throws the operating system's error, such as EADDRINUSE.
 */
export async function listen(
  server: Server,
  address: { readonly host: string; readonly port: number },
): Promise<{ host: string; port: number }> {
  if (!server.listening)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(address.port, address.host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  const bound = server.address();
  assert(typeof bound === 'object' && bound !== null, 'a TCP server has an address');
  return { host: bound.address, port: bound.port };
}
