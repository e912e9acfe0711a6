/** The openssl command as a second implementation of what the key store does, with its files in a folder of its own. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export class OpensslCommand implements Disposable {
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-openssl-'));

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }

  /** The path of a new file with that content. */
  file(name: string, content: Uint8Array | string): string {
    const file = path.join(this.#directory, name);
    writeFileSync(file, content);
    return file;
  }

  /** Runs openssl; what it writes to `-out` is the answer. */
  out(command: string, ...args: string[]): Buffer {
    const file = path.join(this.#directory, 'out');
    execFileSync('openssl', [command, '-out', file, ...args], { stdio: 'pipe' });
    return readFileSync(file);
  }

  /** Whether openssl, asked to verify, says that the signature fits. */
  accepts(...args: string[]): boolean {
    try {
      return /Verified Successfully|Verified OK/.test(execFileSync('openssl', args, { stdio: 'pipe' }).toString());
    } catch {
      return false;
    }
  }
}

const options = (...values: readonly string[]): readonly string[] => values.flatMap((value) => ['-pkeyopt', value]);

/** What `pkeyutl` has to be told for each algorithm. */
export const PKEYUTL: Readonly<Record<string, readonly string[]>> = {
  RSAES_PKCS1_V1_5: options('rsa_padding_mode:pkcs1'),
  RSAES_OAEP_SHA_1: options('rsa_padding_mode:oaep', 'rsa_oaep_md:sha1'),
  RSAES_OAEP_SHA_256: options('rsa_padding_mode:oaep', 'rsa_oaep_md:sha256', 'rsa_mgf1_md:sha256'),
  SM2PKE: [],
  RSA_PSS_SHA_256: options('digest:sha256', 'rsa_padding_mode:pss', 'rsa_pss_saltlen:32', 'rsa_mgf1_md:sha256'),
  RSA_PKCS1_SHA_256: options('digest:sha256', 'rsa_padding_mode:pkcs1'),
  ECDSA_SHA_256: options('digest:sha256'),
};
