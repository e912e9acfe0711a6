/** Every single request of a run, with the time when it was answered. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import type { FioTarget } from './fio.ts';
import { must } from './run.ts';

export interface Request {
  /** Milliseconds since 1970, whole. */
  readonly atMs: number;
  readonly milliseconds: number;
}

const LOG_NAME = 'fio-latency';

/** Runs fio and answers its requests, in the order of their answers. */
export async function fioWithLatencies(
  target: FioTarget,
  args: readonly string[],
  folder: string,
): Promise<readonly Request[]> {
  const log = path.join(folder, LOG_NAME);
  const logging = [`--write_lat_log=${log}`, '--log_unix_epoch=1', '--log_max_value=0'];
  await must('fio', ['--name=bench', ...target, ...args, ...logging, '--output-format=json']);
  const files = readdirSync(folder).filter((name) => name.startsWith(LOG_NAME));
  try {
    const name = files.find((file) => file.includes('_clat.'));
    return name === undefined ? [] : parseLatencyLog(readFileSync(path.join(folder, name), 'utf8'));
  } finally {
    for (const file of files) rmSync(path.join(folder, file));
  }
}

/** Lines of `time in ms, nanoseconds, direction, size, offset, priority`. */
export function parseLatencyLog(text: string): Request[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [atMs = 0, nanoseconds = 0] = line.split(',').map(Number);
      return { atMs, milliseconds: nanoseconds / 1e6 };
    });
}
