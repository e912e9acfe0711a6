import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { SecureContext, TLSSocketOptions, TlsOptions } from 'node:tls';

import type { Random } from '../base/random.ts';

/**
 * TLS 1.3 with an external PSK and (EC)DHE. Source: RFC 8446 sections 2.2 and 4.2.11.
 * Node hands PSKs to OpenSSL by a callback that knows no hash, which makes them SHA-256 ones: of the suites of TLS 1.3
 * only these two can carry them. (TLS_AES_256_GCM_SHA384 would need a PSK bound to SHA-384, which GnuTLS does not offer
 * for the PSK files of libnbd and QEMU either.)
 */
export const TLS_PSK_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256';

const PSK_BYTES = 32;

/** One for a server: the parameters that hold for every connection. */
export function createPskContext(): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ciphers: TLS_PSK_CIPHERS,
    // No resumption: each connection proves that it has the secret, so that a forgotten secret opens nothing.
    secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_CIPHER_SERVER_PREFERENCE,
  });
}

/**
 * Starts TLS on an accepted socket.
 * @param pskOf the secret of an identity. An unknown identity is given random bytes, so that it fails in the same step
 * and with the same alert as a wrong secret.
 * @param onSecure called once when the client has proved `identity`.
 */
export function acceptTls(
  socket: Socket,
  options: {
    readonly context: SecureContext;
    readonly random: Random;
    readonly pskOf: (identity: string) => Uint8Array | undefined;
    readonly onSecure: (identity: string) => void;
  },
): TLSSocket {
  // The last identity asked about is the one in use: a key is always given, so OpenSSL looks no further, and a second
  // ClientHello asks again.
  let identity: string | undefined;
  const settings: TLSSocketOptions & Pick<TlsOptions, 'pskCallback'> = {
    isServer: true,
    secureContext: options.context,
    pskCallback: (_socket, offered) => {
      identity = offered;
      return options.pskOf(offered) ?? options.random.bytes(PSK_BYTES);
    },
  };
  const secured = new TLSSocket(socket, settings);
  secured.once('secure', () => {
    // Without a certificate there is no other way into TLS; should there be one some day, it must not get past here.
    if (identity === undefined || options.pskOf(identity) === undefined) secured.destroy();
    else options.onSecure(identity);
  });
  return secured;
}
