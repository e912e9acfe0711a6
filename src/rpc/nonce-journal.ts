// The nonces of the last half hour in a file, so that a request captured before a restart is no good after it.
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';

import { messageOf } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';

const CURRENT = 'nonces';
const PREVIOUS = 'nonces.previous';

/** A digest and the second in which it was used: `T2rtMPz3…(22 characters) 1795420800`. */
const LINE = /^([A-Za-z0-9_-]{22}) (\d{1,12})$/;

/**
 * Two files, one for each generation of ReplayGuard. Lines are written without a sync: they survive the death of the
 * process; a power failure takes those of the last moments. A line cut short is skipped. When the file system refuses,
 * requests go on and the log says that restarts are not covered.
 */
export class NonceJournal {
  readonly #directory: string;
  readonly #log: Logger;
  #fd: number | undefined;
  #hasComplained = false;

  /** @param directory made when it is missing. */
  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
  }

  /** Reads the nonces that are younger than `lifeMs` and starts a new generation. Call once, before anything else. */
  open(nowMs: number, lifeMs: number): Set<string> {
    const young = new Map<string, string>();
    this.#tolerantly(() => {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      for (const name of [PREVIOUS, CURRENT]) {
        for (const line of this.#linesOf(name)) {
          const [, digest, seconds] = LINE.exec(line) ?? [];
          if (digest !== undefined && nowMs - Number(seconds) * 1000 < lifeMs) young.set(digest, line);
        }
      }
      const merged = this.#path('nonces.new');
      const fd = openSync(merged, 'w', 0o600);
      writeSync(fd, [...young.values(), ''].join('\n'));
      closeSync(fd);
      renameSync(merged, this.#path(PREVIOUS));
      this.#fd = openSync(this.#path(CURRENT), 'a', 0o600);
      ftruncateSync(this.#fd);
    });
    return new Set(young.keys());
  }

  append(digest: string, nowMs: number): void {
    this.#tolerantly(() => {
      if (this.#fd !== undefined) writeSync(this.#fd, `${digest} ${Math.floor(nowMs / 1000)}\n`);
    });
  }

  /** The current generation becomes the previous one, and the one before that is forgotten. */
  rotate(): void {
    this.#tolerantly(() => {
      this.close();
      renameSync(this.#path(CURRENT), this.#path(PREVIOUS));
      this.#fd = openSync(this.#path(CURRENT), 'a', 0o600);
    });
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #path(name: string): string {
    return path.join(this.#directory, name);
  }

  #linesOf(name: string): string[] {
    try {
      return readFileSync(this.#path(name), 'latin1').split('\n');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  #tolerantly(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.#hasComplained) {
        this.#log.warn(
          { directory: this.#directory, reason: messageOf(error) },
          'used nonces cannot be stored: until that is repaired, a restart lets requests of the last half hour be replayed',
        );
      }
      this.#hasComplained = true;
    }
  }
}
