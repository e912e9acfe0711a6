import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { SecureContext } from 'node:tls';

import { messageOf, SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { createTlsContext } from './tls.ts';

/** Absolute paths of PEM files. */
export interface CertificatePaths {
  /** The server's certificate, then those between it and an authority that clients know. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Who may issue certificates of clients. */
  readonly authorities: string;
}

/**
 * The certificates of a server, as they are on disk now: a new client is served with what the files say when it begins
 * TLS, and connections that are there go on. Files that make no sense change nothing until they do.
 */
export class CertificateFiles {
  readonly #paths: CertificatePaths;
  readonly #log: Logger;
  #context: SecureContext;
  #seen: string;

  /** @throws {SystemError} `invalid`, code `BAD_CERTIFICATE`: which file, and what is wrong with it. */
  constructor(paths: CertificatePaths, log: Logger) {
    this.#paths = paths;
    this.#log = log;
    this.#seen = stampOf(paths);
    this.#context = load(paths);
  }

  context(): SecureContext {
    const stamp = stampOf(this.#paths);
    if (stamp === this.#seen) return this.#context;
    this.#seen = stamp;
    try {
      this.#context = load(this.#paths);
      this.#log.info({ ...this.#paths }, 'the certificates for NBD were read again');
    } catch (error) {
      this.#log.error(
        { reason: messageOf(error) },
        'the certificates for NBD changed and cannot be used; the old stay',
      );
    }
    return this.#context;
  }
}

function load(paths: CertificatePaths): SecureContext {
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw bad(`${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? messageOf(error)})`, error);
    }
  };
  const [cert, key, ca] = [read(paths.certificate), read(paths.privateKey), read(paths.authorities)];
  for (const [file, pem] of [
    [paths.certificate, cert],
    [paths.authorities, ca],
  ] as const) {
    try {
      new X509Certificate(pem);
    } catch (error) {
      throw bad(`${file} is not a certificate in PEM`, error);
    }
  }
  try {
    return createTlsContext({ cert, key, ca });
  } catch (error) {
    throw bad(`${paths.privateKey} is not the key in PEM, without passphrase, of ${paths.certificate}`, error);
  }
}

function bad(what: string, cause: unknown): SystemError {
  return new SystemError('invalid', 'BAD_CERTIFICATE', `TLS for NBD: ${what}; correct the file or its setting`, {
    cause,
  });
}

/** Changes whenever one of the files does: written in place, or replaced by another of the same length. */
function stampOf({ certificate, privateKey, authorities }: CertificatePaths): string {
  return [certificate, privateKey, authorities]
    .map((file) => {
      const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? '-' : `${stat.ino}.${stat.size}.${stat.mtimeNs}.${stat.ctimeNs}`;
    })
    .join(' ');
}
