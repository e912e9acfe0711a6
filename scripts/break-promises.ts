/**
 * Breaks one promise of the engine at a time, in a copy of the sources, and says which test notices:
 * `node scripts/break-promises.ts [--only part of a name] [--sample N --seed S]`. All of them take some ten minutes.
 */
import { parseArgs } from 'node:util';

import { breakPromises } from '../test/scripts/break-promise.ts';
import { Seeded } from '../test/sim/seeded.ts';
import { BROKEN_PROMISES } from './broken-promises.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
});
const random = new Seeded(Number(values.seed));
let chosen = BROKEN_PROMISES.filter(({ name, file }) => `${file} ${name}`.includes(values.only));
if (values.sample !== undefined)
  chosen = chosen
    .map((promise) => ({ promise, at: random.uint32() }))
    .toSorted((a, b) => a.at - b.at)
    .slice(0, Number(values.sample))
    .map(({ promise }) => promise);

console.log('| The engine then … | Noticed by |\n|---|---|');
let noticed = 0;
for await (const { promise, by } of breakPromises(chosen)) {
  if (by !== undefined) noticed += 1;
  console.log(`| ${promise.name} (\`${promise.file.replace('src/block/', '')}\`) | ${by ?? '**nothing**'} |`);
}
console.log(`\n${noticed} of ${chosen.length} noticed`);
process.exitCode = noticed === chosen.length ? 0 : 1;
