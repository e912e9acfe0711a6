/**
 * Runs the disk engine's simulation on fresh seeds without end: `node scripts/soak.ts [first seed] [seeds]`.
 * A seed that fails is printed and does not stop the run; repeat it alone with `node scripts/soak.ts SEED 1`.
 */
import { nothingReached, runSeed } from '../test/sim/simulation.ts';
import type { Reached } from '../test/sim/simulation.ts';

const first = Number(process.argv[2] ?? Math.floor(Date.now() / 1000) * 1000) || 1;
const count = Number(process.argv[3] ?? Infinity);
const REPORT_EVERY = 500;
const total = nothingReached();
let failures = 0;

for (let seed = first; seed < first + count; seed++) {
  try {
    const { reached } = await runSeed(seed);
    for (const key of Object.keys(total) as (keyof Reached)[]) total[key] += reached[key];
  } catch (error) {
    failures += 1;
    console.error(error);
  }
  const done = seed - first + 1;
  if (done % REPORT_EVERY === 0 || done === count)
    console.log(`${done} seeds from ${first}, ${failures} failed: ${JSON.stringify(total)}`);
}
process.exitCode = failures > 0 ? 1 : 0;
