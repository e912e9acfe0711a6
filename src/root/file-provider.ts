import { lstat, readFile, rename } from 'node:fs/promises';
import path from 'node:path';

import { SystemError } from '../base/errors.ts';
import { wipeableCopy } from '../base/wipeable-bytes.ts';
import { eraseDurably, syncDirectory, writeDurably } from '../kms/durable-file.ts';
import type { FileRecord, ProviderRecord, RootKeyProvider } from './provider.ts';
import { ROOT_KEY_SIZE_BYTES, rootKeyContext, rootKeyId } from './root-key.ts';

export const ROOT_KEY_FILE = 'root.key';

/**
 * The root key in a file that only its owner can read. A new one waits as `root.key.next` until the keyring that belongs
 * to it is durable; whichever of the two the keyring names is the root key. Format: docs/formats/root-key.md.
 */
export class FileProvider implements RootKeyProvider {
  readonly kind = 'file';
  readonly #file: string;
  readonly #next: string;

  constructor(dataDirectory: string) {
    this.#file = path.join(dataDirectory, ROOT_KEY_FILE);
    this.#next = `${this.#file}.next`;
  }

  async wrap(_context: string, secret: Uint8Array): Promise<FileRecord> {
    await writeDurably(this.#next, secret, { replace: true });
    return { kind: 'file' };
  }

  /**
   * @throws {SystemError} kind `conflict`, codes `ROOT_KEY_MISSING`, `ROOT_KEY_MISMATCH`, `ROOT_KEY_SIZE`; kind `denied`,
   *   code `ROOT_KEY_EXPOSED`.
   */
  async unwrap(context: string, _record: ProviderRecord): Promise<Uint8Array> {
    let found = false;
    for (const file of [this.#file, this.#next]) {
      const key = await readRootKey(file);
      if (key === undefined) continue;
      if (rootKeyContext(rootKeyId(key)) === context) return key;
      key.fill(0);
      found = true;
    }
    throw found
      ? new SystemError(
          'conflict',
          'ROOT_KEY_MISMATCH',
          `${this.#file} is not the root key that this keyring was sealed under; put back the root key and the keyring that belong together.`,
        )
      : new SystemError(
          'conflict',
          'ROOT_KEY_MISSING',
          `There is no ${this.#file}, and nothing that is stored opens without it; put the file back from where you keep it.`,
        );
  }

  async settle(context: string): Promise<void> {
    // What a crash left half-written was never used.
    await eraseDurably(`${this.#next}.new`);
    const next = await readRootKey(this.#next);
    if (next === undefined) return;
    const isCurrent = rootKeyContext(rootKeyId(next)) === context;
    next.fill(0);
    if (!isCurrent) return eraseDurably(this.#next);
    await eraseDurably(this.#file);
    await rename(this.#next, this.#file);
    await syncDirectory(path.dirname(this.#file));
  }

  async release(): Promise<void> {
    for (const file of [`${this.#next}.new`, this.#next, this.#file]) await eraseDurably(file);
  }
}

/** Undefined when there is no such file. */
async function readRootKey(file: string): Promise<Uint8Array | undefined> {
  let status;
  try {
    status = await lstat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (!status.isFile() || (status.mode & 0o077) !== 0)
    throw new SystemError(
      'conflict',
      'ROOT_KEY_EXPOSED',
      `${file} must be a plain file that only its owner can read; consider whether others saw it, then run chmod 600 on it.`,
    );
  if (status.size !== ROOT_KEY_SIZE_BYTES)
    throw new SystemError(
      'conflict',
      'ROOT_KEY_SIZE',
      `${file} has ${status.size} bytes where a root key has ${ROOT_KEY_SIZE_BYTES}; put the right file back.`,
    );
  const content = await readFile(file);
  const key = wipeableCopy(content);
  content.fill(0);
  return key;
}
