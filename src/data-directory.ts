import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

import { isKind, messageOf, SystemError } from './base/errors.ts';
import type { Logger } from './base/log.ts';
import { systemClock } from './base/system-clock.ts';
import { lockFile } from './base/system-file-lock.ts';
import { systemRandom } from './base/system-random.ts';
import { makeRuntimeDirectory } from './base/system-runtime-directory.ts';
import type { CipherBackend } from './crypto/aead.ts';
import { selectCipherBackend } from './crypto/cipher-backend.ts';
import { Database } from './metadata/database.ts';
import type { Sealer } from './metadata/sealer.ts';
import type { Purpose } from './root/keyring.ts';
import type { RootSettings } from './root/providers.ts';
import { RootOfTrust } from './root/root-of-trust.ts';

/** A data directory that this process holds: its lock, and nothing of what is in it yet. */
export interface HeldDirectory extends Disposable {
  readonly directory: string;
  readonly ciphers: CipherBackend;
}

/** A data directory of which this process has everything: its lock, its keys, its database. */
export interface OpenDataDirectory extends AsyncDisposable {
  readonly ciphers: CipherBackend;
  readonly trust: RootOfTrust;
  readonly sealers: Readonly<Record<Purpose, Sealer>>;
  readonly database: Database;
}

/**
 * Makes the data directory when it is missing and takes its lock.
 * @param owner names this process to whoever comes second.
 * @throws {SystemError} `DATA_DIRECTORY_NOT_WRITABLE`, `LOCKED`.
 */
export function holdDataDirectory(directory: string, owner: string, log: Logger): HeldDirectory {
  makeWritable(directory);
  const held = lock(directory, owner);
  makeRuntimeDirectory(directory);
  return { directory, ciphers: selectCipherBackend(log), [Symbol.dispose]: () => held[Symbol.dispose]() };
}

/**
 * Opens what is in a held data directory. The lock stays with its holder.
 * @param passphrase for the provider `passphrase`; its owner wipes it.
 * @throws {SystemError} what the root of trust (`staysSealed` says which of that may pass) and the database refuse.
 */
export async function openHeldDirectory(
  { directory, ciphers }: HeldDirectory,
  settings: RootSettings,
  passphrase?: Uint8Array,
): Promise<OpenDataDirectory> {
  await using stack = new AsyncDisposableStack();
  const file = path.join(directory, 'metadata.db');
  const parts = { dataDirectory: directory, settings, ciphers, random: systemRandom, clock: systemClock };
  const trust = stack.use(await RootOfTrust.open(parts, { databaseExists: existsSync(file), passphrase }));
  const database = stack.use(await Database.open({ file, rowKeys: trust.keyring.rowKeys }));
  // Only now it is certain that the keyring belongs to the database.
  await trust.settle();
  const owned = stack.move();
  return { ciphers, trust, sealers: sealersOf(trust), database, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Both, for commands that work on a data directory that no server has open. */
export async function openDataDirectory(
  directory: string,
  options: { readonly owner: string; readonly root: RootSettings; readonly log: Logger },
): Promise<OpenDataDirectory> {
  await using stack = new AsyncDisposableStack();
  const held = stack.use(holdDataDirectory(directory, options.owner, options.log));
  const open = stack.use(await openHeldDirectory(held, options.root));
  const owned = stack.move();
  return { ...open, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function sealersOf({ keyring }: RootOfTrust): OpenDataDirectory['sealers'] {
  return { disks: keyring.sealer('disks'), rows: keyring.sealer('rows'), keys: keyring.sealer('keys') };
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
