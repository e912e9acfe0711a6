import assert from 'node:assert/strict';
import { test } from 'node:test';

import { findSetting, putSetting } from '../../src/metadata/settings.ts';
import { WhileUnchanged } from '../../src/metadata/while-unchanged.ts';
import { openTestDatabase } from './support.ts';
import type { TestDatabase } from './support.ts';

const put = ({ database }: TestDatabase, name: string, value: string) =>
  database.transact((transaction) => putSetting(transaction, name, value));

test('what was read is kept until anything is committed, and read anew then', async () => {
  await using opened = await openTestDatabase();
  const kept = new WhileUnchanged<string | undefined>(opened.database.read, 10);
  let reads = 0;
  const get = (name: string) =>
    kept.get(name, () => {
      reads += 1;
      return findSetting(opened.database.read, name);
    });
  assert.deepEqual([await get('a'), await get('a'), await get('b'), reads], [undefined, undefined, undefined, 2]);
  await put(opened, 'a', 'x');
  assert.deepEqual([await get('a'), await get('a'), reads], ['x', 'x', 3]);
  await put(opened, 'unrelated', '1');
  assert.deepEqual([await get('a'), reads], ['x', 4]);
});

test('what was read while something was committed is used once and not kept', async () => {
  await using opened = await openTestDatabase();
  const kept = new WhileUnchanged<string | undefined>(opened.database.read, 10);
  const before = await kept.get('a', async () => {
    const value = await findSetting(opened.database.read, 'a');
    await put(opened, 'a', 'x');
    return value;
  });
  assert.equal(before, undefined);
  assert.equal(await kept.get('a', () => findSetting(opened.database.read, 'a')), 'x');
});

test('a failure is not kept, and neither is more than there is room for', async () => {
  await using opened = await openTestDatabase();
  const kept = new WhileUnchanged<number>(opened.database.read, 3);
  await assert.rejects(
    kept.get('a', () => Promise.reject(new Error('no'))),
    /no/,
  );
  const get = (key: string, value: number) => kept.get(key, () => Promise.resolve(value));
  for (const [index, key] of ['a', 'b', 'c'].entries()) assert.equal(await get(key, index), index);
  assert.equal(await get('a', 10), 0);
  assert.equal(await get('d', 3), 3);
  assert.equal(await get('a', 10), 10, 'it was forgotten for the fourth');
});

test('what has a longer name than a client needs is not kept', async () => {
  await using opened = await openTestDatabase();
  const kept = new WhileUnchanged<number>(opened.database.read, 10);
  let reads = 0;
  const get = (key: string) => kept.get(key, () => Promise.resolve(++reads));
  for (const key of ['k'.repeat(1_024), 'k'.repeat(1_025)]) await get(key).then(() => get(key));
  assert.equal(reads, 3, 'the shorter one once, the longer one twice');
});
