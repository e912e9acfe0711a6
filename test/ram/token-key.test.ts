import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import { insertTokenKey } from '../../src/metadata/token-keys.ts';
import { openTokenKey } from '../../src/ram/token-key.ts';
import { openTestAccount, testSealer } from './support.ts';

test('the token key is made once, and is in the database only sealed', async () => {
  await using account = await openTestAccount();
  const { database } = account;
  const first = await openTokenKey(database, testSealer, systemRandom);
  assert.equal(first.length, 32);
  const again = await openTokenKey(database, testSealer, systemRandom);
  assert.equal(Buffer.from(again).toString('hex'), Buffer.from(first).toString('hex'));
  for (const file of [account.file, `${account.file}-wal`]) {
    assert.ok(!readFileSync(file).includes(first), file);
  }
});

test('two servers never have the same token key', async () => {
  await using one = await openTestAccount();
  await using two = await openTestAccount();
  const keys = await Promise.all([one, two].map(({ database }) => openTokenKey(database, testSealer, systemRandom)));
  assert.notEqual(Buffer.from(keys[0] ?? []).toString('hex'), Buffer.from(keys[1] ?? []).toString('hex'));
});

test('a token key that was sealed for something else is refused', async () => {
  await using account = await openTestAccount();
  const foreign = testSealer.seal('access-key:LTAI', new Uint8Array(32));
  await account.database.transact((transaction) => insertTokenKey(transaction, 'security-token', foreign));
  await assert.rejects(openTokenKey(account.database, testSealer, systemRandom), (error) => isKind(error, 'corrupt'));
});
