/** What else the machine did while something was measured. */
import { availableParallelism } from 'node:os';

import { cpuSeconds, kernelSeconds, machineTimes, processTimes } from './proc.ts';

/** More than this part of all processors in the hands of others voids a sample: a quiet machine shows below 2 %. */
export const FOREIGN_PART_MAX = 0.05;
/** The same for what the host gave to other machines. */
export const STEAL_PART_MAX = 0.02;

export interface Noise {
  /** Part of all processors' time that programs outside the measurement used. */
  readonly foreign: number;
  readonly steal: number;
}

export function isNoisy({ foreign, steal }: Noise): boolean {
  return foreign > FOREIGN_PART_MAX || steal > STEAL_PART_MAX;
}

/** Starts watching; the answer ends it. @param servers processes that belong to the measurement, besides this one. */
export function watchNoise(servers: readonly (number | undefined)[]): () => Noise {
  const before = snapshot(servers);
  return () => {
    const after = snapshot(servers);
    const capacity = (after.atSeconds - before.atSeconds) * availableParallelism();
    const foreign = after.busy - before.busy - (after.ours - before.ours);
    return { foreign: Math.max(0, foreign) / capacity, steal: (after.steal - before.steal) / capacity };
  };
}

/** Noise of several measurements. */
export class NoiseLog {
  readonly #seen: Noise[] = [];

  /** Runs `body` under watch. */
  async watch<T>(servers: readonly (number | undefined)[], body: () => Promise<T>): Promise<T> {
    const end = watchNoise(servers);
    try {
      return await body();
    } finally {
      this.#seen.push(end());
    }
  }

  /** Why they may not be believed: more than half were disturbed. */
  get flaws(): string[] {
    const noisy = this.#seen.filter(isNoisy);
    if (noisy.length * 2 <= this.#seen.length) return [];
    const worst = Math.max(...noisy.map(({ foreign, steal }) => foreign + steal));
    return [`others used up to ${Math.round(worst * 100)} % of the machine`];
  }
}

function snapshot(servers: readonly (number | undefined)[]): Record<'atSeconds' | 'busy' | 'ours' | 'steal', number> {
  const self = processTimes(process.pid);
  const { busySeconds, stealSeconds } = machineTimes();
  const measured = servers.reduce<number>((sum, pid) => sum + cpuSeconds(pid), 0);
  const ours = self.ownSeconds + self.childrenSeconds + measured + kernelSeconds();
  return { atSeconds: performance.now() / 1000, busy: busySeconds, ours, steal: stealSeconds };
}
