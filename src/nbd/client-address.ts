import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';

import { messageOf, SystemError } from '../base/errors.ts';
import { TLS_PSK_CIPHERS } from './tls.ts';

/** Where an NBD server is, and how to prove who we are. */
export type NbdAddress =
  | { readonly unixSocket: string }
  /** TLS 1.3 with a pre-shared key: both sides prove that they have it. */
  | { readonly host: string; readonly port: number; readonly pskIdentity: string; readonly psk: Uint8Array }
  /** TLS 1.3 with certificates. */
  | { readonly host: string; readonly port: number; readonly certificates: ClientCertificates }
  /** TCP without TLS, for servers of others; ours does not take it. */
  | { readonly host: string; readonly port: number };

/** PEM texts. */
export interface ClientCertificates {
  /** Who may have issued the server's certificate. */
  readonly authorities: string;
  /** Ours and its key, when the server asks for one. */
  readonly certificate?: string;
  readonly privateKey?: string;
  /** The name in the server's certificate, when it is not `host`. */
  readonly serverName?: string;
}

/** @throws {SystemError} `unavailable`, code `NBD_DISCONNECTED`: nobody listens there. */
export async function openSocket(address: NbdAddress, signal: AbortSignal | undefined): Promise<Socket> {
  const socket =
    'unixSocket' in address
      ? connectSocket({ path: address.unixSocket, signal })
      : connectSocket({ host: address.host, port: address.port, noDelay: true, signal });
  const opened = Promise.withResolvers<void>();
  socket.once('connect', opened.resolve).once('error', opened.reject);
  try {
    await opened.promise;
  } catch (error) {
    const where = 'unixSocket' in address ? address.unixSocket : `${address.host}:${address.port}`;
    const message = `No NBD server takes the connection at ${where}: ${messageOf(error)}.`;
    throw new SystemError('unavailable', 'NBD_DISCONNECTED', message, { cause: error });
  }
  socket.off('error', opened.reject);
  return socket;
}

/** Whether STARTTLS must come before anything else. */
export function wantsTls(address: NbdAddress): boolean {
  return 'pskIdentity' in address || 'certificates' in address;
}

/** TLS on a socket whose server has agreed to it. @throws {SystemError} `denied`, code `TLS_FAILED`. */
export function secure(socket: Socket, address: NbdAddress): Promise<TLSSocket> {
  const secured = connectTls({ socket, minVersion: 'TLSv1.3', ...credentials(address) });
  return new Promise((resolve, reject) => {
    const fail = (error?: Error): void => {
      const message = `TLS with the server failed: ${error ? messageOf(error) : 'it closed the connection'}.`;
      reject(new SystemError('denied', 'TLS_FAILED', message, { cause: error }));
    };
    secured.once('error', fail).once('close', () => fail());
    secured.once('secureConnect', () => {
      secured.off('error', fail);
      resolve(secured);
    });
  });
}

function credentials(address: NbdAddress): ConnectionOptions {
  if ('pskIdentity' in address) {
    const { pskIdentity: identity, psk } = address;
    return {
      ciphers: TLS_PSK_CIPHERS,
      pskCallback: () => ({ identity, psk }),
      // The secret is what proves the server: it has no certificate, and none would do.
      checkServerIdentity: () => new Error('the server showed a certificate instead of proving the secret'),
    };
  }
  if (!('certificates' in address)) return {};
  const { authorities, certificate, privateKey, serverName } = address.certificates;
  const name = serverName ?? address.host;
  return {
    ca: authorities,
    cert: certificate,
    key: privateKey,
    // An address is no server name in TLS, but is checked against the certificate all the same.
    host: name,
    servername: /^[\d.]+$|:/.test(name) ? '' : name,
  };
}
