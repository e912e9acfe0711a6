import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseDurationS } from '../../src/base/duration.ts';

test('a duration is a number with one unit, and nothing else is', () => {
  const right = { '90s': 90, '30m': 1800, '12h': 43_200, '8d': 691_200, '365d': 31_536_000, '604800s': 604_800 };
  for (const [text, seconds] of Object.entries(right)) assert.equal(parseDurationS(text), seconds, text);
  const wrong = ['', 'd', '8', '8 d', '0d', '-8d', '8.5d', '1e3s', '8D', '8w', '1d12h', '08d', '99999999999s', '8d\n'];
  for (const text of wrong) assert.equal(parseDurationS(text), undefined, text);
});
