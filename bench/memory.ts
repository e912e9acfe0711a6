/**
 * Touches free memory before anything is measured: pages that a virtual machine has not used yet are several times
 * slower to write (measured: 2.2 times on random, 4 times on sequential writes of a log).
 */
import { GiB, MiB } from '../src/base/units.ts';
import { memoryBytes } from './proc.ts';
import { must } from './run.ts';

/** Left to the rest of the machine. */
const SPARED_BYTES = 1 * GiB;

/** Runs in a process of its own, so that the pages are free again afterwards. */
const PROGRAM = `
  const chunks = Number(process.argv[1]), size = ${64 * MiB}, held = [];
  const pass = () => { const start = performance.now(); for (const chunk of held) chunk.fill(1); return performance.now() - start; };
  const start = performance.now();
  for (let i = 0; i < chunks; i++) held.push(Buffer.allocUnsafeSlow(size).fill(1));
  console.log(JSON.stringify({ first: performance.now() - start, again: pass() }));
`;

export interface Touched {
  readonly bytes: number;
  /** GB/s of the first and of a second pass over it. */
  readonly firstRate: number;
  readonly againRate: number;
}

/** Touches what is free, up to `wantedBytes`. */
export async function touchMemory(wantedBytes: number): Promise<Touched> {
  const bytes = Math.max(0, Math.min(wantedBytes, memoryBytes('MemFree') - SPARED_BYTES));
  const chunks = Math.floor(bytes / (64 * MiB));
  if (chunks === 0) return { bytes: 0, firstRate: Number.NaN, againRate: Number.NaN };
  const touched = chunks * 64 * MiB;
  const { first, again } = JSON.parse(await must(process.execPath, ['-e', PROGRAM, '--', String(chunks)])) as {
    first: number;
    again: number;
  };
  return { bytes: touched, firstRate: touched / first / 1e6, againRate: touched / again / 1e6 };
}
