import { constants } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { SecureContext, TLSSocketOptions, TlsOptions } from 'node:tls';

import type { Random } from '../base/random.ts';
import type { Peer } from './export.ts';

/**
 * TLS 1.3 with an external PSK and (EC)DHE. Source: RFC 8446 sections 2.2 and 4.2.11.
 * Node hands PSKs to OpenSSL by a callback that knows no hash, which makes them SHA-256 ones: of the suites of TLS 1.3
 * only these two can carry them. (TLS_AES_256_GCM_SHA384 would need a PSK bound to SHA-384, which GnuTLS does not offer
 * for the PSK files of libnbd and QEMU either.) The same two serve certificates.
 */
export const TLS_PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256';

const PSK_BYTES = 32;
/** What a client's certificate lists beyond that is not looked at. */
const GRANTS_MAX = 100;
/** As in a SAN of a certificate: `URI:sealdisk:disk:d-1, DNS:host`. Names of our URIs need no quoting. */
const GRANT = /(?:^|, )URI:(sealdisk:(?:disk|export):[A-Za-z0-9._-]+)(?=, |$)/g;

/** One for a server: the parameters that hold for every connection. @param certificates PEM; without, PSKs only. */
export function createTlsContext(certificates?: {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}): SecureContext {
  return createSecureContext({
    ...certificates,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: TLS_PSK_CIPHERS,
    // OpenSSL takes a PSK for a session that goes on, and wants a context for those where certificates are asked for.
    sessionIdContext: 'sealdisk-nbd',
    // No resumption: each connection proves that it has the secret, so that a forgotten secret opens nothing.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  });
}

export interface TlsAcceptance {
  readonly context: SecureContext;
  readonly random: Random;
  readonly pskOf: (identity: string) => Uint8Array | undefined;
  /** Called once when the client has proved who it is. */
  readonly onSecure: (peer: Peer) => void;
  /** Called instead when the handshake was completed by someone who gets nothing here. */
  readonly onRefused: (reason: string) => void;
}

/**
 * Starts TLS on an accepted socket. An unknown PSK identity is given random bytes, so that it fails in the same step and
 * with the same alert as a wrong secret.
 */
export function acceptTls(socket: Socket, options: TlsAcceptance): TLSSocket {
  // The last identity asked about is the one in use: a key is always given, so OpenSSL looks no further, and a second
  // ClientHello asks again.
  let identity: string | undefined;
  const settings: TLSSocketOptions & Pick<TlsOptions, 'pskCallback'> = {
    isServer: true,
    secureContext: options.context,
    // Without a PSK there is no TLS but with a certificate. What it is worth is judged below: Node lets all pass.
    requestCert: true,
    rejectUnauthorized: true,
    pskCallback: (_socket, offered) => {
      identity = offered;
      return options.pskOf(offered) ?? options.random.bytes(PSK_BYTES);
    },
  };
  const secured = new TLSSocket(socket, settings);
  secured.once('secure', () => {
    const outcome = identify(secured, identity, options);
    if (typeof outcome === 'string') options.onRefused(outcome);
    else options.onSecure(outcome);
  });
  return secured;
}

/** Who completed the handshake, or why that is nobody for us. */
function identify(secured: TLSSocket, identity: string | undefined, options: TlsAcceptance): Peer | string {
  const certificate = secured.getPeerX509Certificate();
  if (certificate !== undefined) return identifyByCertificate(secured, certificate);
  // A PSK counts as a session that goes on. An identity that was merely offered proves nothing.
  const proved = identity !== undefined && secured.isSessionReused() && options.pskOf(identity) !== undefined;
  return proved ? { transport: 'tcp', pskIdentity: identity } : 'neither a secret nor a certificate was proved';
}

function identifyByCertificate(secured: TLSSocket, certificate: X509Certificate): Peer | string {
  // tls.Server asks the same of its connections; for one that begins with STARTTLS nobody does it for us.
  const { ssl } = secured as TLSSocket & { readonly ssl?: { verifyError(): NodeJS.ErrnoException | null } | null };
  if (ssl === undefined || ssl === null) return 'the connection is gone';
  const error = ssl.verifyError();
  if (error !== null) return `the certificate does not hold: ${error.code ?? error.message}`;
  const grants = [...(certificate.subjectAltName ?? '').matchAll(GRANT)].slice(0, GRANTS_MAX);
  if (grants.length === 0) return 'the certificate names neither a disk nor an export (URI:sealdisk:disk:ID)';
  return { transport: 'certificate', grants: grants.map(([, grant = '']) => grant) };
}
