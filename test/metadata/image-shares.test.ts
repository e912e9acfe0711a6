import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAccount } from '../../src/metadata/accounts.ts';
import {
  deleteImageShare,
  findImageShare,
  insertImageShare,
  listImageShares,
  listSharesOfReceiver,
} from '../../src/metadata/image-shares.ts';
import { openTestDatabase } from './support.ts';

const RECEIVERS = ['2000000000000001', '2000000000000002', '2000000000000003'];

test('shares are listed by image, earliest first, and by receiver', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  const [first = '', second = '', third = ''] = RECEIVERS;
  await database.transact(async (transaction) => {
    for (const accountId of RECEIVERS)
      await insertAccount(transaction, { accountId, regionId: 'cn-beijing', createdMs: 1 });
    await insertImageShare(transaction, { imageId: 'm-1', accountId: third, sharedMs: 1 });
    await insertImageShare(transaction, { imageId: 'm-1', accountId: second, sharedMs: 2 });
    await insertImageShare(transaction, { imageId: 'm-1', accountId: first, sharedMs: 2 });
    await insertImageShare(transaction, { imageId: 'm-2', accountId: first, sharedMs: 3 });
  });
  const receivers = (await listImageShares(database.read, 'm-1')).map(({ accountId }) => accountId);
  assert.deepEqual(receivers, [third, first, second]);
  const images = (await listSharesOfReceiver(database.read, first)).map(({ imageId }) => imageId);
  assert.deepEqual(images, ['m-1', 'm-2']);
  assert.equal((await findImageShare(database.read, 'm-1', second))?.sharedMs, 2);
  assert.equal(await findImageShare(database.read, 'm-2', second), undefined);
});

test('an image is shared with an account once, with accounts that exist, and unshared once', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  const [accountId = ''] = RECEIVERS;
  const share = { imageId: 'm-1', accountId, sharedMs: 1 };
  const insert = () => database.transact((transaction) => insertImageShare(transaction, share));
  await assert.rejects(insert(), { kind: 'conflict' });
  await database.transact((transaction) => insertAccount(transaction, { accountId, regionId: 'r', createdMs: 1 }));
  await insert();
  await assert.rejects(insert(), { kind: 'conflict', code: 'ROW_EXISTS' });
  const remove = () => database.transact((transaction) => deleteImageShare(transaction, 'm-1', accountId));
  assert.deepEqual([await remove(), await remove()], [1, 0]);
});
