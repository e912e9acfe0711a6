import { readFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

import koffi from 'koffi';

function firstLine(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n')[0] ?? '';
  } catch {
    return undefined;
  }
}

/** Names this boot of the machine: the same for every process until the machine restarts. */
export function bootId(): string {
  // Without the kernel's own id the minute of the boot is the best there is.
  return (
    firstLine('/proc/sys/kernel/random/boot_id') ?? `boot-${Math.round((new Date().getTime() / 1000 - uptime()) / 60)}`
  );
}

/** Names this machine. */
export function machineId(): string {
  return firstLine('/etc/machine-id') || hostname();
}

const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const SIGKILL = 9;
const RLIMIT_CORE = 4;

/** Keeps this process's memory out of core dumps and away from other processes of the same user. Linux only. */
export function forbidMemoryDumps(): void {
  if (process.platform !== 'linux') return;
  const libc = koffi.load(null);
  const prctl = libc.func(
    'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
  ) as (...args: number[]) => number;
  const setrlimit = libc.func('int setrlimit(int resource, const uint64_t *limit)') as (
    resource: number,
    limit: BigUint64Array,
  ) => number;
  setrlimit(RLIMIT_CORE, new BigUint64Array([0n, 0n]));
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/** Makes the kernel end this process when the one that started it ends. Linux only. */
export function dieWithParent(): void {
  if (process.platform !== 'linux') return;
  const prctl = koffi
    .load(null)
    .func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)') as (
    ...args: number[]
  ) => number;
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}
