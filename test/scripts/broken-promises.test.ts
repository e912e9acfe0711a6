import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { BROKEN_PROMISES } from '../../scripts/broken-promises.ts';
import { REPOSITORY } from '../support/start-server.ts';
import { applied } from './break-promise.ts';

test('every change that breaks a promise of the engine still has its place in the sources', () => {
  assert.ok(BROKEN_PROMISES.length >= 30);
  const lost = BROKEN_PROMISES.flatMap((promise) => {
    try {
      const source = readFileSync(path.join(REPOSITORY, promise.file), 'utf8');
      assert.notEqual(applied(promise, source), source);
      return [];
    } catch (error) {
      return [String(error)];
    }
  });
  assert.deepEqual(lost, []);
});
