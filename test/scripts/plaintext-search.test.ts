import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { filesBelow, PlaintextRuns } from '../../scripts/demo/plaintext-search.ts';

const CHUNK = 4 * 1024 * 1024;

for (const [where, at] of [
  ['at an odd offset', 12_345],
  ['across the border of two pieces', CHUNK - 7],
  ['at the very end', CHUNK + 1000 - 16],
] as const) {
  test(`a run of the plaintext ${where} is found and its place told`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-search-'));
    using _cleanup = { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
    mkdirSync(path.join(folder, 'input'));
    mkdirSync(path.join(folder, 'stored'));
    const plaintext = randomBytes(64 * 1024);
    writeFileSync(path.join(folder, 'input/a'), plaintext);
    const stored = randomBytes(CHUNK + 1000);
    const file = path.join(folder, 'stored/b');
    writeFileSync(file, stored);
    const runs = new PlaintextRuns(filesBelow(path.join(folder, 'input')));
    assert.equal(runs.count, 4096);
    assert.equal(runs.findIn(path.join(folder, 'stored')), undefined);
    plaintext.copy(stored, at, 4000 * 16, 4001 * 16);
    writeFileSync(file, stored);
    assert.equal(runs.findIn(path.join(folder, 'stored')), `${file} at byte ${at}`);
  });
}
