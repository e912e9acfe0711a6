import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { test } from 'node:test';

const run = (script: string): void => {
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
};

test('spec/*.json is what the SDK packages in node_modules say', () => run('spec/extract.ts'));

test('the generated types and docs/coverage.md are what spec/ says', () => run('spec/generate.ts'));
