import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { guardedDisk, guardedReads } from './native-memory.ts';

setFlagsFromString('--expose-gc');
globalThis.gc ??= runInNewContext('gc') as NodeJS.GCFunction;

test('libgcrypt stays inside the memory that it is given, which stays where it is while garbage is collected', async () => {
  for (const seed of [2, 3]) assert.ok((await guardedDisk(seed, 120)) > 500);
});

test('a read of the page cache fills what was asked for and nothing behind it', () => {
  assert.ok(guardedReads(1, 200) > 150);
});
