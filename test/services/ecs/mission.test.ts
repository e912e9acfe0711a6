import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

const TESTS = path.join(import.meta.dirname, '../..');
const PAGE = path.join(TESTS, '../docs/mission.md');

test('every test that docs/mission.md names exists under that title', () => {
  const named = [...readFileSync(PAGE, 'utf8').matchAll(/`([^`]+\.test\.ts)` "([^"]+)"/g)];
  assert.ok(named.length >= 20, 'the page names tests');
  for (const [, file = '', title = ''] of named) {
    const source = readFileSync(path.join(TESTS, file), 'utf8');
    assert.ok(source.includes(`'${title}'`) || source.includes(`\`${title}\``), `${file} has "${title}"`);
  }
});
