import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';

import { SystemError } from '../base/errors.ts';

/** sun_path has 108 bytes, the last one NUL. Source: unix(7). */
const PATH_BYTES_MAX = 107;

/**
 * Makes `socketPath` free to listen on: a directory only the owner can enter, and no socket left by a killed process.
 * @throws {SystemError} `invalid` when the path is too long for the kernel, `conflict` when something else is there.
 */
export async function prepareUnixSocket(socketPath: string): Promise<void> {
  const length = Buffer.byteLength(socketPath);
  if (length > PATH_BYTES_MAX) {
    throw new SystemError(
      'invalid',
      'SOCKET_PATH_TOO_LONG',
      `A Unix socket's path may have ${PATH_BYTES_MAX} bytes and ${socketPath} has ${length}: use a data directory with a shorter path.`,
    );
  }
  mkdirSync(path.dirname(socketPath), { recursive: true, mode: 0o700 });
  const found = lstatSync(socketPath, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new SystemError('conflict', 'SOCKET_PATH_TAKEN', `${socketPath} exists and is not a socket: move it away.`);
  }
  if (await answers(socketPath)) {
    throw new SystemError('conflict', 'SOCKET_IN_USE', `Another process listens on ${socketPath}: stop it first.`);
  }
  unlinkSync(socketPath);
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
