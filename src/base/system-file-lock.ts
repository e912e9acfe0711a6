import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

import koffi from 'koffi';

import { SystemError } from './errors.ts';

// flock(2): the kernel releases the lock when the process ends, however it ends.
const LOCK_EXCLUSIVE_NONBLOCKING = 2 | 4;

let flockCall: ((fd: number, operation: number) => number) | undefined;

function flock(fd: number, operation: number): number {
  flockCall ??= koffi.load(null).func('int flock(int fd, int operation)') as (fd: number, operation: number) => number;
  return flockCall(fd, operation);
}

/**
 * Holds an operating-system lock on `path` until disposed or until this process ends.
 * @param owner one line that names this process to whoever is refused.
 * @throws {SystemError} kind `conflict`, code `LOCKED`: somebody else holds it; the message names them.
 */
export function lockFile(path: string, owner: string): Disposable {
  const fd = openSync(path, 'a+', 0o600);
  if (flock(fd, LOCK_EXCLUSIVE_NONBLOCKING) !== 0) {
    closeSync(fd);
    const holder = readFileSync(path, 'utf8').trim();
    throw new SystemError('conflict', 'LOCKED', `${path} is held by ${holder === '' ? 'another process' : holder}`);
  }
  try {
    ftruncateSync(fd);
    writeSync(fd, `${owner}\n`);
  } catch {
    // The lock holds without a name: on a full store a disk must still open, for reading and for being deleted.
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}
