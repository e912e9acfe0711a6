import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { parseJsonTree } from '../../../src/ram/policy/json-tree.ts';
import type { JsonNode } from '../../../src/ram/policy/json-tree.ts';
import { PolicySyntaxError } from '../../../src/ram/policy/syntax-error.ts';

function plain(node: JsonNode): unknown {
  if (node.kind === 'object') return Object.fromEntries([...node.members].map(([name, m]) => [name, plain(m.value)]));
  if (node.kind === 'array') return node.items.map(plain);
  return node.kind === 'null' ? null : node.value;
}

test('JSON reads as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
      // -0 and __proto__ are where JSON.parse and Object.fromEntries differ in ways that no policy can see.
      const text = JSON.stringify(value, undefined, indent);
      fc.pre(!text.includes('__proto__'));
      assert.deepEqual(plain(parseJsonTree(text)), JSON.parse(text));
    }),
    { numRuns: 500 },
  );
});

test('what JSON.parse refuses is refused, and only with a PolicySyntaxError', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\/ntu019.eE+- a\n')), maxLength: 14 }),
      (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        try {
          parseJsonTree(text);
          assert.ok(valid, text);
        } catch (error) {
          assert.ok(error instanceof PolicySyntaxError, String(error));
          assert.ok(!valid || /appears twice/.test(error.message), text);
        }
      },
    ),
    { numRuns: 5_000 },
  );
});

test('refusals point at line and column', () => {
  const cases: readonly [string, RegExp, number, number][] = [
    ['', /found the end/, 1, 1],
    ['{\n  "a": 1\n  "b": 2\n}', /Expected ',' or '}', found a double quote/, 3, 3],
    ['{\r\n"a": tru}', /Expected a value/, 2, 6],
    ['{"a": 1, "a": 2}', /"a" appears twice/, 1, 10],
    ['{"a": "x\n"}', /not closed/, 1, 7],
    ['{"a": 1,}', /Expected a name/, 1, 9],
    ['{} {}', /Expected the end/, 1, 4],
    [`${'['.repeat(30)}`, /nested/, 1, 18],
  ];
  for (const [text, message, line, column] of cases) {
    assert.throws(
      () => parseJsonTree(text),
      (error: unknown) => {
        assert.ok(error instanceof PolicySyntaxError, text);
        assert.match(error.message, message);
        assert.deepEqual(error.position, { line, column }, text);
        assert.ok(error.message.endsWith(`(line ${line}, column ${column}).`), error.message);
        return true;
      },
    );
  }
});

test('a long document takes time in proportion to its length, on one line and on many', () => {
  const items = Array.from({ length: 50_000 }, (_, index) => index);
  const startedMs = performance.now();
  for (const indent of [undefined, 1]) {
    const node = parseJsonTree(JSON.stringify(items, undefined, indent));
    assert.equal(node.kind === 'array' && node.items.length, items.length);
    assert.deepEqual(
      node.kind === 'array' && node.items[2]?.at,
      indent === 1 ? { line: 4, column: 2 } : { line: 1, column: 6 },
    );
  }
  assert.ok(performance.now() - startedMs < 3_000);
});
