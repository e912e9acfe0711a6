import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { lockFile } from '../../src/base/system-file-lock.ts';

test('a lock is held by one at a time, names its holder, and is free when it is let go', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-lock-'));
  using _cleanup = { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
  const file = path.join(directory, 'lock');
  {
    using _held = lockFile(file, 'the first');
    assert.equal(readFileSync(file, 'utf8'), 'the first\n');
    assert.throws(
      () => lockFile(file, 'the second'),
      (error) => isKind(error, 'conflict') && error.code === 'LOCKED' && error.message.includes('the first'),
    );
  }
  using _again = lockFile(file, 'the second');
  assert.equal(readFileSync(file, 'utf8'), 'the second\n');
});

test(
  'a lock is taken on a full device too, only without a name',
  { skip: process.platform === 'linux' ? false : 'needs /dev/full' },
  () => {
    // /dev/full takes no byte: the write fails as on a full store.
    using _held = lockFile('/dev/full', 'nobody');
  },
);
