// Certificates as an operator makes them, with the openssl command.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}

export interface Issued {
  /** PEM texts. */
  readonly certificate: string;
  readonly privateKey: string;
  /** Their files. */
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

/** An authority with a folder of its own, gone when disposed of. */
export class TestAuthority {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-ca-'));
  readonly file = path.join(this.folder, 'ca-cert.pem');
  readonly #key = path.join(this.folder, 'ca-key.pem');
  #count = 0;

  constructor(name = 'test authority') {
    openssl('req', '-x509', ...KEY, '-keyout', this.#key, '-out', this.file, '-days', '2', '-subj', `/CN=${name}`);
  }

  get pem(): string {
    return readFileSync(this.file, 'utf8');
  }

  /** @param san such as `URI:sealdisk:disk:d-1`. @param days -1 for one that has expired. */
  issue(
    name: string,
    san: string,
    options: { readonly usage?: 'clientAuth' | 'serverAuth'; readonly days?: number } = {},
  ): Issued {
    const base = path.join(this.folder, String(this.#count++));
    const [request, privateKeyFile, certificateFile] = [`${base}.csr`, `${base}-key.pem`, `${base}-cert.pem`];
    const extensions = `${base}.ext`;
    writeFileSync(extensions, `subjectAltName=${san}\nextendedKeyUsage=${options.usage ?? 'clientAuth'}\n`);
    openssl('req', '-new', ...KEY, '-keyout', privateKeyFile, '-out', request, '-subj', `/CN=${name}`);
    const signing = ['-CA', this.file, '-CAkey', this.#key, '-CAcreateserial', '-days', String(options.days ?? 1)];
    openssl('x509', '-req', '-in', request, ...signing, '-extfile', extensions, '-out', certificateFile);
    return {
      certificate: readFileSync(certificateFile, 'utf8'),
      privateKey: readFileSync(privateKeyFile, 'utf8'),
      certificateFile,
      privateKeyFile,
    };
  }

  issueServer(): Issued {
    return this.issue('nbd server', 'IP:127.0.0.1,DNS:localhost', { usage: 'serverAuth' });
  }

  /** A folder with the names that libnbd, nbdkit and QEMU expect. */
  clientFolder(issued: Issued): string {
    const folder = path.join(this.folder, `client-${this.#count++}`);
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(path.join(folder, 'ca-cert.pem'), this.pem);
    writeFileSync(path.join(folder, 'client-cert.pem'), issued.certificate);
    writeFileSync(path.join(folder, 'client-key.pem'), issued.privateKey, { mode: 0o600 });
    return folder;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
