/** What the kernel says about processes and the machine, in seconds and bytes. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, the unit of times in /proc: 100 on every architecture that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100;
const KERNEL_THREADS_PARENT = 2;

export interface ProcessTimes {
  readonly parent: number;
  /** User and system time of all threads. */
  readonly ownSeconds: number;
  /** Of children that ended and were waited for. */
  readonly childrenSeconds: number;
}

/** Fields of /proc/PID/stat. The name in parentheses may hold anything, so that fields count from its end. */
export function parseProcessStat(text: string): ProcessTimes {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const seconds = (...indexes: number[]): number =>
    indexes.reduce((sum, index) => sum + Number(fields[index]), 0) / TICKS_PER_SECOND;
  return { parent: Number(fields[1]), ownSeconds: seconds(11, 12), childrenSeconds: seconds(13, 14) };
}

export interface MachineTimes {
  /** User, nice and system time of every processor. */
  readonly busySeconds: number;
  /** Time that the host gave to somebody else. */
  readonly stealSeconds: number;
}

/** The first line of /proc/stat. */
export function parseMachineStat(text: string): MachineTimes {
  const [, user = 0, nice = 0, system = 0, , , , , steal = 0] = (text.split('\n')[0] ?? '').split(/\s+/).map(Number);
  return { busySeconds: (user + nice + system) / TICKS_PER_SECOND, stealSeconds: steal / TICKS_PER_SECOND };
}

export function processTimes(pid: number): ProcessTimes {
  return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** User and system time that a process has used, without its children. */
export function cpuSeconds(pid: number | undefined): number {
  return pid === undefined ? 0 : processTimes(pid).ownSeconds;
}

export function machineTimes(): MachineTimes {
  return parseMachineStat(readFileSync('/proc/stat', 'utf8'));
}

/** What kernel threads (write-back and the like) have used: they work for everybody. */
export function kernelSeconds(): number {
  let sum = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const { parent, ownSeconds } = processTimes(Number(name));
      if (parent === KERNEL_THREADS_PARENT) sum += ownSeconds;
    } catch {
      // It ended meanwhile.
    }
  }
  return sum;
}

export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) * 1024;
}

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** A field of /proc/meminfo, MemAvailable for one. */
export function memoryBytes(field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'));
  return Number(found?.[1] ?? Number.NaN) * 1024;
}
