/**
 * Removes one sync of the disk engine at a time, in the simulation only, and says which seed notices.
 * Prints the table of docs/testing.md; takes some minutes. `node scripts/remove-syncs.ts [part of a site's name]`
 */
import {
  crashAfterFailedHeadSync,
  crashInClose,
  crashInCreate,
  crashInFirstWrite,
  crashInSnapshots,
} from '../test/sim/narrow-windows.ts';
import { runSeed } from '../test/sim/simulation.ts';

const SEEDS = 1_000;
const sites = new Set<string>();
const noteSite = (site: string): boolean => {
  sites.add(site);
  return false;
};
for (let seed = 1; seed <= 60; seed++) await runSeed(seed, { skipSync: noteSite });

const wanted = process.argv[2] ?? '';
for (const site of [...sites].filter((name) => name !== '' && name.includes(wanted)).sort())
  console.log(`| ${site} | ${await findFailure((name) => name === site)} |`);

async function findFailure(skipSync: (site: string) => boolean): Promise<string> {
  for (let seed = 1; seed <= 12; seed++)
    for (const crash of [crashInClose, crashInCreate, crashInFirstWrite, crashInSnapshots, crashAfterFailedHeadSync])
      for (let n = 1, more = true; more; n++) {
        try {
          more = await crash(seed, n, skipSync);
        } catch (error) {
          return `${crash.name}, seed ${seed}, call ${n}: ${firstLine(error)}`;
        }
      }
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await runSeed(seed, { skipSync });
    } catch (error) {
      return firstLine(error);
    }
  }
  return 'not noticed';
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
