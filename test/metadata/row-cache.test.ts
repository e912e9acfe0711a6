import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { insertAccount } from '../../src/metadata/accounts.ts';
import { findDisk, insertDisk, updateDisk } from '../../src/metadata/disks.ts';
import { RowCache } from '../../src/metadata/row-cache.ts';
import { ACCOUNT, aDisk, openTestDatabase, REGION } from './support.ts';

test('rows are read anew after every commit, and seen at once by whoever waited for it', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  const { diskId } = aDisk();
  assert.equal(await findDisk(database.read, diskId), undefined);
  await database.transact(async (transaction) => {
    await insertAccount(transaction, { accountId: ACCOUNT, regionId: REGION, createdMs: 0 });
    await insertDisk(transaction, aDisk());
  });
  for (let round = 0; round < 50; round++) {
    await database.transact((transaction) => updateDisk(transaction, diskId, { name: `round ${round}` }));
    const found = await Promise.all([findDisk(database.read, diskId), findDisk(database.read, diskId)]);
    assert.deepEqual(
      found.map((disk) => disk?.name),
      [`round ${round}`, `round ${round}`],
    );
  }
});

test('a row that another program edits while it is known is refused', async () => {
  await using opened = await openTestDatabase();
  const { database, file } = opened;
  const { diskId } = aDisk();
  await database.transact(async (transaction) => {
    await insertAccount(transaction, { accountId: ACCOUNT, regionId: REGION, createdMs: 0 });
    await insertDisk(transaction, aDisk());
  });
  assert.equal((await findDisk(database.read, diskId))?.encrypted, true);
  const editor = new DatabaseSync(file);
  editor.exec('update disks set encrypted = 0');
  editor.close();
  // What others commit is asked for once in a turn.
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(findDisk(database.read, diskId), { kind: 'corrupt', code: 'ROW_ALTERED' });
});

test('what was read before a commit is not kept as if it had been read after it', async () => {
  let version = 1;
  let content = 'old';
  const cache = new RowCache(() => version);
  const slow = cache.rows('q', async () => {
    const read = [{ content }];
    // A commit, and somebody who asks something else after it, while the answer is on its way.
    [version, content] = [2, 'new'];
    await cache.rows('other', async () => []);
    return read;
  });
  assert.deepEqual(await slow, [{ content: 'old' }]);
  assert.deepEqual(await cache.rows('q', async () => [{ content }]), [{ content: 'new' }]);
});

test('known rows are loaded once, cannot be changed, and do not pile up', async () => {
  let loads = 0;
  const cache = new RowCache(() => 1);
  const ask = (question: string) => cache.rows(question, async () => [{ question, load: (loads += 1) }]);
  const [first] = await ask('a');
  const again = await ask('a');
  assert.deepEqual([again[0], loads], [first, 1]);
  assert.throws(() => Object.assign(first ?? {}, { question: 'b' }), TypeError);
  again.pop();
  assert.equal((await ask('a')).length, 1, 'the list is the caller’s own');
  for (let i = 0; i < 12_000; i++) await ask(`${i}`);
  await ask('a');
  assert.equal(loads, 12_002);
});

test('what a client can make as long as it likes is not kept', async () => {
  const cache = new RowCache(() => 1);
  let loads = 0;
  const ask = (question: string) => cache.rows(question, () => Promise.resolve([{ load: ++loads }]));
  for (const question of ['k'.repeat(1_024), 'k'.repeat(1_025)]) await ask(question).then(() => ask(question));
  assert.equal(loads, 3, 'the shorter one once, the longer one twice');
});
