/** Parts that fail in every way, for `soak.test.ts`. */
import process from 'node:process';

import type { SoakPart } from './part.ts';

export const PARTS: readonly SoakPart[] = [
  { name: 'fine', about: 'nothing happens', run: () => Promise.resolve({ crashes: 2, inputs: 1 }) },
  {
    name: 'failing',
    about: 'every third seed',
    run: (seed) => (seed % 3 === 0 ? Promise.reject(new Error(`seed ${seed} it is`)) : Promise.resolve({ faults: 1 })),
  },
  {
    name: 'dying',
    about: 'its process ends at one seed',
    run: (seed) => (seed === 12 ? process.exit(7) : Promise.resolve({})),
  },
  {
    name: 'hanging',
    about: 'never ends at one seed',
    secondsMax: 3,
    run: (seed) => (seed === 11 ? new Promise(() => setInterval(() => undefined, 1_000)) : Promise.resolve({})),
  },
];
