/**
 * Runs one part in a process of its own: `worker.ts PARTS_MODULE PART FIRST_SEED SECONDS SEEDS`. Tells its parent, over
 * the channel between them, which seed it begins and how each ended, so that a seed that kills or hangs it is known.
 */
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import type { Counts, SoakPart } from './part.ts';

export type Told =
  | { readonly begins: number }
  | { readonly seed: number; readonly counts: Counts }
  | { readonly seed: number; readonly failure: string };

const [module = '', name = '', first = '', seconds = '', seeds = ''] = process.argv.slice(2);
const { PARTS } = (await import(pathToFileURL(module).href)) as { PARTS: readonly SoakPart[] };
const part = PARTS.find((each) => each.name === name);
if (part === undefined) throw new Error(`no part ${name}`);

const tell = (told: Told): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send?.(told, undefined, undefined, (error) => (error === null ? resolve() : reject(error)));
  });
const until = performance.now() + Number(seconds) * 1_000;
const end = Number(first) + Number(seeds);
for (let seed = Number(first); seed < end && (seed === Number(first) || performance.now() < until); seed++) {
  await tell({ begins: seed });
  try {
    await tell({ seed, counts: await part.run(seed) });
  } catch (error) {
    await tell({ seed, failure: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
process.exit(0);
