import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { compileWildcard, matchesWildcard } from '../../../src/ram/policy/wildcard.ts';

test('a pattern matches what the regular expression of the same meaning matches', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.', '\n', '😀'), maxLength: 12 });
  fc.assert(
    fc.property(letters, letters, (pattern, text) => {
      const expression = pattern
        .replace(/[.+^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '[^]*')
        .replaceAll('?', '[^]');
      const expected = new RegExp(`^${expression}$`).test(text);
      assert.equal(matchesWildcard(pattern, text), expected);
      assert.equal(compileWildcard(pattern)(text), expected);
    }),
    { numRuns: 2_000 },
  );
});

test('a hostile pattern takes no time', () => {
  const startedMs = performance.now();
  assert.equal(matchesWildcard(`${'*a'.repeat(1_000)}b`, 'a'.repeat(4_000)), false);
  assert.ok(performance.now() - startedMs < 1_000);
});
