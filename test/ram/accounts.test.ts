import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { updateAccessKey } from '../../src/metadata/access-keys.ts';
import { listAccounts } from '../../src/metadata/accounts.ts';
import { createAccessKey, createAccount, createFirstAccount } from '../../src/ram/accounts.ts';
import { StoredCredentials } from '../../src/ram/credentials.ts';
import { openTestAccount, testSealer } from './support.ts';

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('utf8');

test('a new account has 16 digits below 9e15 and an AccessKey that finds it', async () => {
  await using account = await openTestAccount();
  assert.match(account.accountId, /^[1-8][0-9]{15}$/);
  assert.match(account.accessKeyId, /^LTAI[A-Za-z0-9]{20}$/);
  assert.match(account.accessKeySecret, /^[A-Za-z0-9]{30}$/);
  const found = await new StoredCredentials(account.database.read, testSealer).find(account.accessKeyId);
  assert.equal(text(found?.secret), account.accessKeySecret);
  assert.deepEqual(
    { ...found, secret: undefined },
    {
      secret: undefined,
      caller: {
        accountId: account.accountId,
        arn: `acs:ram::${account.accountId}:root`,
        principalType: 'Account',
        accessKeyId: account.accessKeyId,
      },
      regionId: 'cn-hangzhou',
      active: true,
    },
  );
});

test('a preset AccessKey is taken as it is, once, and only in its form', async () => {
  await using account = await openTestAccount();
  const preset = { accessKeyId: 'my.access-key_1', accessKeySecret: 'a-secret.of_mine' };
  const created = await createAccount(account, { regionId: 'cn-beijing', preset });
  assert.deepEqual({ ...created, accountId: '' }, { ...preset, accountId: '' });
  await assert.rejects(
    createAccount(account, { regionId: 'cn-beijing', preset }),
    (error: unknown) => isKind(error, 'conflict') && error.code === 'ACCESS_KEY_TAKEN',
  );
  assert.equal((await listAccounts(account.database.read)).length, 2, 'the refused account left nothing');
  for (const bad of [{ accessKeyId: 'short' }, { accessKeySecret: 'has space' }, { accessKeyId: 'x'.repeat(129) }]) {
    await assert.rejects(
      async () => createAccount(account, { regionId: 'r', preset: { ...preset, ...bad } }),
      (error: unknown) => isKind(error, 'invalid') && !error.message.includes('has space'),
    );
  }
});

test('the first account is made once, also beside older accounts, and again when its AccessKey could not be kept', async () => {
  await using account = await openTestAccount();
  const options = { regionId: 'cn-beijing', preset: { accessKeyId: 'chosen-id', accessKeySecret: 'chosen-secret' } };
  const kept: string[] = [];
  await assert.rejects(
    createFirstAccount(account, options, () => {
      throw new Error('the disk is full');
    }),
    /the disk is full/,
  );
  assert.equal((await listAccounts(account.database.read)).length, 1, 'an account without a kept secret is no account');
  const first = await createFirstAccount(account, options, ({ accessKeyId }) => kept.push(accessKeyId));
  assert.equal(first?.accessKeyId, 'chosen-id');
  assert.equal(await createFirstAccount(account, options, ({ accessKeyId }) => kept.push(accessKeyId)), undefined);
  assert.deepEqual(kept, ['chosen-id']);
  assert.equal((await listAccounts(account.database.read)).length, 2);
});

test('a further AccessKey works beside the first; an unknown account is not found', async () => {
  await using account = await openTestAccount();
  const second = await createAccessKey(account, account.accountId);
  assert.notEqual(second.accessKeyId, account.accessKeyId);
  const credentials = new StoredCredentials(account.database.read, testSealer);
  assert.equal((await credentials.find(second.accessKeyId))?.caller.accountId, account.accountId);
  assert.equal(text((await credentials.find(account.accessKeyId))?.secret), account.accessKeySecret);
  await assert.rejects(createAccessKey(account, '1111111111111111'), (error: unknown) => isKind(error, 'not-found'));
});

test('no secret stands in the database files, and a secret moved to another AccessKey does not open', async () => {
  await using account = await openTestAccount();
  for (const file of [account.file, `${account.file}-wal`]) {
    assert.ok(!readFileSync(file).includes(account.accessKeySecret), file);
  }
  const second = await createAccessKey(account, account.accountId);
  const foreign = testSealer.seal(`access-key:${account.accessKeyId}`, Buffer.from('x'));
  await account.database.transact((transaction) =>
    updateAccessKey(transaction, second.accessKeyId, { secretSealed: foreign }),
  );
  await assert.rejects(
    new StoredCredentials(account.database.read, testSealer).find(second.accessKeyId),
    (error: unknown) => isKind(error, 'corrupt'),
  );
});

test('an unknown AccessKey is undefined and an inactive one says so', async () => {
  await using account = await openTestAccount();
  const credentials = new StoredCredentials(account.database.read, testSealer);
  assert.equal(await credentials.find('STS.unknown'), undefined);
  await account.database.transact((transaction) =>
    updateAccessKey(transaction, account.accessKeyId, { status: 'Inactive' }),
  );
  assert.equal((await credentials.find(account.accessKeyId))?.active, false);
});
