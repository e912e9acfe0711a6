import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

import { isKind, messageOf, SystemError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import { lockFile } from './base/system-file-lock.ts';
import { systemRandom } from './base/system-random.ts';
import { makeRuntimeDirectory } from './base/system-runtime-directory.ts';
import type { CipherBackend } from './crypto/aead.ts';
import { selectCipherBackend } from './crypto/cipher-backend.ts';
import { openRootKey, type RootKey } from './kms/root-key.ts';
import { Database } from './metadata/database.ts';

/** A data directory that this process holds: its lock, its root key, its database. */
export interface OpenDataDirectory extends AsyncDisposable {
  readonly ciphers: CipherBackend;
  readonly rootKey: RootKey;
  readonly database: Database;
}

/**
 * Makes the data directory when it is missing, takes its lock and opens what is in it.
 * @param owner names this process to whoever comes second.
 * @throws {SystemError} `DATA_DIRECTORY_NOT_WRITABLE`, `LOCKED`, and what the root key and the database refuse.
 */
export async function openDataDirectory(
  directory: string,
  options: { readonly owner: string; readonly passphraseFile: string | undefined; readonly log: Logger },
): Promise<OpenDataDirectory> {
  const { owner, passphraseFile, log } = options;
  await using stack = new AsyncDisposableStack();
  makeWritable(directory);
  stack.use(lock(directory, owner));
  makeRuntimeDirectory(directory);
  const ciphers = selectCipherBackend(log);
  const file = path.join(directory, 'metadata.db');
  const rootKey = stack.use(
    await openRootKey(ciphers, systemRandom, { directory, passphraseFile, databaseExists: existsSync(file) }),
  );
  const database = stack.use(await Database.open({ file, rowKey: rootKey.rowMacKey }));
  const owned = stack.move();
  return { ciphers, rootKey, database, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function makeWritable(directory: string): void {
  try {
    makeDirectories(directory);
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new SystemError(
      'invalid',
      'DATA_DIRECTORY_NOT_WRITABLE',
      `${directory} cannot be written (${messageOf(cause)}); choose a data directory of your own with --data-dir`,
      { cause },
    );
  }
}

/** Not mkdirSync's `recursive`: it never returns where a parent exists and refuses new entries with ENOENT, as /proc does. */
function makeDirectories(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || existsSync(path.dirname(directory))) throw error;
    makeDirectories(path.dirname(directory));
    mkdirSync(directory, { mode: 0o700 });
  }
}

function lock(directory: string, owner: string): Disposable {
  try {
    return lockFile(path.join(directory, 'serve.lock'), owner);
  } catch (error) {
    if (!isKind(error, 'conflict')) throw error;
    throw new SystemError(
      'conflict',
      'LOCKED',
      `another sealdisk works on ${directory} (${error.message}); stop it, or choose another directory with --data-dir`,
      { cause: error },
    );
  }
}
