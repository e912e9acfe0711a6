// A TLS proxy as an operator puts it before the API: it passes bytes on, and with them the Host header.
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';

import { TestAuthority } from './certificates.ts';

export interface TlsFront extends AsyncDisposable {
  readonly port: number;
  /** PEM of the authority that clients have to trust. */
  readonly authority: string;
}

export async function openTlsFront(apiPort: number): Promise<TlsFront> {
  const authority = new TestAuthority();
  const { certificate, privateKey } = authority.issueServer();
  const clients = new Set<TLSSocket>();
  const server = createServer({ cert: certificate, key: privateKey }, (client) => {
    clients.add(client.once('close', () => clients.delete(client)));
    const upstream = connect(apiPort, '127.0.0.1');
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    port: address.port,
    authority: authority.pem,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // The vendor's clients keep their connections open.
      for (const client of clients) client.destroy();
      await closed;
      authority[Symbol.dispose]();
    },
  };
}
