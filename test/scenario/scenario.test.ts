import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runScenario } from './scenario.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const REQUESTS = 400;

for (const seed of SEEDS) {
  test(`seed ${seed}: three accounts in two regions get what the rules say, ${REQUESTS} times, across restarts`, async () => {
    const { answers } = await runScenario(seed, REQUESTS);
    const refused = [...answers].filter(([answer]) => answer !== 'ok').reduce((sum, [, count]) => sum + count, 0);
    assert.ok((answers.get('ok') ?? 0) > REQUESTS / 4 && refused > REQUESTS / 10, 'legal and illegal requests alike');
  });
}

test('the same seed is the same scenario', async () => {
  const [first, second] = [await runScenario(7, 150), await runScenario(7, 150)];
  assert.equal(first.digest, second.digest);
});
