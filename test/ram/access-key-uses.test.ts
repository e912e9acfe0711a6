import assert from 'node:assert/strict';
import { test } from 'node:test';

import { silentLogger } from '../../src/base/log.ts';
import { findAccessKeyUse } from '../../src/metadata/access-key-uses.ts';
import { deleteAccessKey } from '../../src/metadata/access-keys.ts';
import { AccessKeyUses } from '../../src/ram/access-key-uses.ts';
import { openTestAccount } from './support.ts';

test('a use is written at most once a minute, whatever way the clock goes', async () => {
  await using account = await openTestAccount();
  const { accessKeyId, clock, database } = account;
  let writes = 0;
  const counting = Object.assign(Object.create(database) as typeof database, {
    transact: <T>(body: Parameters<typeof database.transact<T>>[0]): Promise<T> => {
      writes += 1;
      return database.transact(body);
    },
  });
  const uses = new AccessKeyUses({ database: counting, clock, log: silentLogger });
  const startMs = clock.ms;
  const used = async (): Promise<number | undefined> => {
    uses.note(accessKeyId);
    await uses.settled();
    return (await findAccessKeyUse(database.read, accessKeyId))?.usedMs;
  };
  assert.equal(await used(), startMs);
  clock.ms = startMs + 59_999;
  assert.equal(await used(), startMs);
  assert.equal(writes, 1);
  clock.ms = startMs + 60_000;
  assert.equal(await used(), startMs + 60_000);
  clock.ms = startMs - 1_000_000;
  assert.equal(await used(), startMs - 1_000_000);
  assert.equal(writes, 3);
});

test('temporary and deleted AccessKeys leave nothing', async () => {
  await using account = await openTestAccount();
  const { accessKeyId, database } = account;
  const uses = new AccessKeyUses({ ...account, log: silentLogger });
  await database.transact((transaction) => deleteAccessKey(transaction, accessKeyId));
  for (const id of [accessKeyId, 'STS.abc']) {
    uses.note(id);
    await uses.settled();
    assert.equal(await findAccessKeyUse(database.read, id), undefined);
  }
});
