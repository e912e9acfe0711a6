import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { createDisk } from '../../src/block/disk.ts';
import { DATA_KEY, DIRECTORY, fillUp, IDENTITY, SmallStore } from './no-space.ts';

for (const delayedAllocation of [false, true])
  test(`a full store, told by ${delayedAllocation ? 'syncs' : 'writes'} at any point, loses nothing and heals`, async () => {
    let refused = 0;
    for (let freeBytes = 0; freeBytes < 330_000; freeBytes += 1_711)
      refused += await fillUp(freeBytes, delayedAllocation);
    assert.ok(refused > 500, `the store was full ${refused} times`);
  });

test('a disk that there is no space for leaves nothing behind', async () => {
  let refused = 0;
  for (let freeBytes = 0; freeBytes < 12_000; freeBytes += 97) {
    const store = new SmallStore(freeBytes, false);
    await store.prepare();
    store.storage.freeBytes = freeBytes;
    try {
      await createDisk(store.env, DIRECTORY, IDENTITY, DATA_KEY);
      await (await store.open()).close();
    } catch (error) {
      assert.ok(isKind(error, 'no-space'), String(error));
      assert.deepEqual(await store.files.list('/disks'), []);
      refused += 1;
    }
  }
  assert.ok(refused > 50, `the store was full ${refused} times`);
});
