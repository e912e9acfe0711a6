/** A token in software, of its own: Debian's softhsm2, its keys made with opensc. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { systemRandom } from '../../src/base/system-random.ts';
import type { Pkcs11Settings } from '../../src/root/pkcs11-provider.ts';

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
];
const MODULE = MODULES.find((file) => existsSync(file));
export const PIN = '4711-secret-pin';

const hasPkcs11Tool = spawnSync('pkcs11-tool', ['--version']).error === undefined;

/** False, or why there is no token here. */
export const NO_SOFT_HSM =
  (MODULE === undefined && 'softhsm2-util is not installed (Debian package softhsm2)') ||
  (!hasPkcs11Tool && 'pkcs11-tool is not installed (Debian package opensc)');

export class SoftHsm implements Disposable {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-hsm-'));
  readonly settings: Pkcs11Settings & { readonly pinFile: string };

  constructor() {
    mkdirSync(path.join(this.directory, 'tokens'));
    const pinFile = path.join(this.directory, 'pin');
    writeFileSync(
      this.configuration,
      `directories.tokendir = ${path.join(this.directory, 'tokens')}\nlog.level = ERROR\n`,
    );
    writeFileSync(pinFile, `${PIN}\n`, { mode: 0o600 });
    this.settings = { module: MODULE ?? '', token: 'sealdisk test', key: 'root', pinFile };
    this.#run(
      'softhsm2-util',
      '--init-token',
      '--free',
      '--label',
      'sealdisk test',
      '--so-pin',
      '12345678',
      '--pin',
      PIN,
    );
    this.makeKey('root');
    // The library reads it when it is initialised, in this very process too.
    process.env['SOFTHSM2_CONF'] = this.configuration;
  }

  get configuration(): string {
    return path.join(this.directory, 'softhsm2.conf');
  }

  /** What a server gets to reach the token. */
  get environment(): Record<string, string> {
    return {
      SOFTHSM2_CONF: this.configuration,
      SEALDISK_PKCS11_MODULE: this.settings.module,
      SEALDISK_PKCS11_TOKEN: this.settings.token,
      SEALDISK_PKCS11_KEY: this.settings.key,
      SEALDISK_PKCS11_PIN_FILE: this.settings.pinFile,
    };
  }

  makeKey(label: string, key: Uint8Array = systemRandom.bytes(32)): void {
    const file = path.join(this.directory, 'aes');
    writeFileSync(file, key);
    const { module, token } = this.settings;
    const login = ['--module', module, '--token-label', token, '--login', '--pin', PIN];
    const object = ['--type', 'secrkey', '--key-type', 'AES:32', '--label', label];
    this.#run('pkcs11-tool', ...login, '--write-object', file, ...object);
    rmSync(file);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #run(program: string, ...args: string[]): void {
    const environment = { ...process.env, SOFTHSM2_CONF: this.configuration };
    const { status, stderr, stdout } = spawnSync(program, args, { env: environment, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program} failed: ${stdout}${stderr}`);
  }
}
