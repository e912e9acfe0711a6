import { lstat, readFile } from 'node:fs/promises';
import path from 'node:path';

import { SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { wipeableCopy } from '../base/wipeable-bytes.ts';
import type { CipherBackend } from '../crypto/aead.ts';
import { hkdfSha256 } from '../crypto/kdf.ts';
import { SecretBytes } from '../crypto/secret-bytes.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { writeDurably } from './durable-file.ts';
import { openPassphraseRoot, PASSPHRASE_ROOT_FILE } from './passphrase-root.ts';
import { SealedBytes } from './sealed-bytes.ts';

export const ROOT_KEY_FILE = 'root.key';
export const ROOT_KEY_SIZE_BYTES = 32;

export interface RootKeyOptions {
  /** The data directory. */
  readonly directory: string;
  /** Keep the root key sealed under the passphrase in this file, instead of in `root.key`. */
  readonly passphraseFile?: string | undefined;
  /** A root key is made only while there is no database yet: a second one could open nothing that exists. */
  readonly databaseExists: boolean;
}

/**
 * What unseals everything that Sealdisk keeps: key material, AccessKey secrets, PSKs, data keys of plain disks.
 * The root key itself seals nothing; each purpose has its own derived key. Format: docs/formats/root-key.md.
 */
export class RootKey implements Disposable {
  readonly sealer: Sealer;
  /** 32 bytes for the MACs of metadata rows; wiped on dispose. */
  readonly rowMacKey: Uint8Array;
  readonly #secrets = new DisposableStack();

  /** @param root 32 bytes; wiped here, once the purposes are derived. */
  constructor(ciphers: CipherBackend, random: Random, root: Uint8Array) {
    const derive = (purpose: string): Uint8Array =>
      this.#secrets
        .use(new SecretBytes(hkdfSha256(root, new Uint8Array(0), `sealdisk/root/${purpose}/v1`, 32)))
        .reveal();
    this.rowMacKey = derive('row-mac');
    this.sealer = new SealedBytes(ciphers, random, derive('sealer'));
    root.fill(0);
  }

  [Symbol.dispose](): void {
    this.#secrets.dispose();
  }
}

/**
 * Finds or, on the very first start, makes the root key.
 * @throws {SystemError} kind `conflict`, codes `ROOT_KEY_MISSING`, `ROOT_KEY_AMBIGUOUS`, `ROOT_KEY_SIZE`;
 *   kind `denied`, codes `ROOT_KEY_EXPOSED` (others can read the file), `ROOT_PASSPHRASE_WRONG`.
 */
export async function openRootKey(ciphers: CipherBackend, random: Random, options: RootKeyOptions): Promise<RootKey> {
  const { directory, passphraseFile, databaseExists } = options;
  const keyFile = path.join(directory, ROOT_KEY_FILE);
  const sealedFile = path.join(directory, PASSPHRASE_ROOT_FILE);
  const [hasKeyFile, hasSealedFile] = await Promise.all([exists(keyFile), exists(sealedFile)]);
  const mine = passphraseFile === undefined ? hasKeyFile : hasSealedFile;
  const other = passphraseFile === undefined ? hasSealedFile : hasKeyFile;
  if (other) throw ambiguous(passphraseFile !== undefined, hasKeyFile && hasSealedFile);
  if (!mine && databaseExists) throw missing(passphraseFile === undefined ? keyFile : sealedFile);
  const root =
    passphraseFile === undefined
      ? await openKeyFile(keyFile, hasKeyFile, random)
      : await openPassphraseRoot(ciphers, random, { file: sealedFile, exists: hasSealedFile, passphraseFile });
  return new RootKey(ciphers, random, root);
}

async function openKeyFile(file: string, present: boolean, random: Random): Promise<Uint8Array> {
  if (!present) {
    const root = random.bytes(ROOT_KEY_SIZE_BYTES);
    await writeDurably(file, root, { replace: false });
    return root;
  }
  const { mode, size } = await lstat(file);
  if ((mode & 0o170000) !== 0o100000 || (mode & 0o077) !== 0) {
    throw new SystemError(
      'denied',
      'ROOT_KEY_EXPOSED',
      `${file} must be a plain file that only its owner can read; consider whether others saw it, then run chmod 600 on it.`,
    );
  }
  if (size !== ROOT_KEY_SIZE_BYTES) {
    throw new SystemError(
      'conflict',
      'ROOT_KEY_SIZE',
      `${file} has ${size} bytes where a root key has ${ROOT_KEY_SIZE_BYTES}; put the right file back.`,
    );
  }
  return wipeableCopy(await readFile(file));
}

async function exists(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function missing(file: string): SystemError {
  return new SystemError(
    'conflict',
    'ROOT_KEY_MISSING',
    `There is a database but no ${file}, and nothing that is stored opens without it; put the file back from where you keep it.`,
  );
}

function ambiguous(passphraseGiven: boolean, both: boolean): SystemError {
  const message = both
    ? `Both ${ROOT_KEY_FILE} and ${PASSPHRASE_ROOT_FILE} lie in the data directory; move away the one that does not belong to it.`
    : passphraseGiven
      ? `The data directory has a ${ROOT_KEY_FILE}, so it does not take a passphrase; unset SEALDISK_PASSPHRASE_FILE.`
      : `The root key of this data directory is sealed under a passphrase; set SEALDISK_PASSPHRASE_FILE.`;
  return new SystemError('conflict', 'ROOT_KEY_AMBIGUOUS', message);
}
