import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';

import { SystemError } from './errors.ts';

/** sun_path holds 108 bytes with its final zero (unix(7)). */
export const SOCKET_PATH_BYTES_MAX = 107;

/** Room for the longest socket name that we make below the directory. */
const SOCKET_NAME_BYTES_MAX = 48;

/**
 * The owner-only directory of a server's sockets: `DIR/run`, or a short one below the system's temporary directory
 * when the data directory's path is too long for a socket. The same data directory always gives the same answer.
 * Makes nothing: a client may ask where a server that never ran would be.
 * @throws {SystemError} kind `denied`: the directory exists and belongs to somebody else.
 */
export function runtimeDirectory(dataDirectory: string): string {
  const inside = path.join(dataDirectory, 'run');
  const fits = Buffer.byteLength(inside) + 1 + SOCKET_NAME_BYTES_MAX <= SOCKET_PATH_BYTES_MAX;
  const { uid } = userInfo();
  const digest = createHash('sha256').update(path.resolve(dataDirectory)).digest('hex').slice(0, 16);
  const directory = fits ? inside : path.join(tmpdir(), `sealdisk-${uid}-${digest}`);
  const status = lstatSync(directory, { throwIfNoEntry: false });
  if (status !== undefined && (!status.isDirectory() || (uid >= 0 && status.uid !== uid))) {
    throw new SystemError(
      'denied',
      'RUNTIME_DIRECTORY_TAKEN',
      `${directory} belongs to another user; remove it or use a shorter data directory`,
    );
  }
  return directory;
}

/** Makes that directory, or closes it to everybody else when it is there. */
export function makeRuntimeDirectory(dataDirectory: string): string {
  const directory = runtimeDirectory(dataDirectory);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  return directory;
}
