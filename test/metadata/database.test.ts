import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { findAccount, insertAccount, listAccounts } from '../../src/metadata/accounts.ts';
import { insertAccessKey } from '../../src/metadata/access-keys.ts';
import { Database } from '../../src/metadata/database.ts';
import { MIGRATIONS } from '../../src/metadata/migrations.ts';
import { deleteKeyVersions, insertKeyVersion } from '../../src/metadata/key-versions.ts';
import { insertKey } from '../../src/metadata/keys.ts';
import { findSetting, putSetting } from '../../src/metadata/settings.ts';
import { singleRowKey } from '../../src/metadata/sealed-rows.ts';
import { ACCOUNT, ROW_KEYS, aKey, openTestDatabase, tempDir } from './support.ts';

const account = { accountId: ACCOUNT, regionId: 'cn-hangzhou', createdMs: 1 };

const refusal = (kind: 'conflict' | 'corrupt', code: string) => (error: unknown) => {
  assert.ok(isKind(error, kind), String(error));
  assert.equal(error.code, code);
  return true;
};

test('a transaction is visible to reads only when it is committed', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  await database.transact(async (transaction) => {
    await insertAccount(transaction, account);
    assert.deepEqual(await findAccount(transaction, ACCOUNT), account);
    assert.equal(await findAccount(database.read, ACCOUNT), undefined);
  });
  assert.deepEqual(await findAccount(database.read, ACCOUNT), account);
});

test('a transaction that throws leaves nothing behind, and the next one works', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  await assert.rejects(
    database.transact(async (transaction) => {
      await insertAccount(transaction, account);
      throw new Error('changed my mind');
    }),
    /changed my mind/,
  );
  assert.deepEqual(await listAccounts(database.read), []);
  await database.transact((transaction) => insertAccount(transaction, account));
  assert.equal((await listAccounts(database.read)).length, 1);
});

test('transactions started together run one after the other', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  const events: string[] = [];
  const one = (name: string) =>
    database.transact(async (transaction) => {
      events.push(`${name} begins`);
      await listAccounts(transaction);
      await listAccounts(transaction);
      events.push(`${name} ends`);
    });
  await Promise.all([one('a'), one('b'), one('c')]);
  assert.deepEqual(events, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('a transaction inside a transaction is a bug that is named and not a deadlock', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  await assert.rejects(
    database.transact(() => database.transact(async () => {})),
    /would wait for itself/,
  );
});

test('a row that exists, or that refers to nothing, is a conflict', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  const insert = () => database.transact((transaction) => insertAccount(transaction, account));
  await insert();
  await assert.rejects(insert(), refusal('conflict', 'ROW_EXISTS'));
  const orphan = {
    accessKeyId: 'LTAIx',
    accountId: '9',
    userName: null,
    secretSealed: new Uint8Array(1),
    status: 'Active',
    createdMs: 1,
  } as const;
  await assert.rejects(
    database.transact((transaction) => insertAccessKey(transaction, orphan)),
    refusal('conflict', 'ROW_REFERENCED'),
  );
});

test('what was committed is there after closing and opening again, and the files are private', async () => {
  using directory = tempDir();
  const file = path.join(directory.path, 'metadata.db');
  {
    await using database = await Database.open({ file, rowKeys: ROW_KEYS });
    await database.transact((transaction) => insertAccount(transaction, account));
    for (const name of readdirSync(directory.path)) {
      assert.equal(statSync(path.join(directory.path, name)).mode & 0o077, 0, name);
    }
  }
  await using database = await Database.open({ file, rowKeys: ROW_KEYS });
  assert.deepEqual(await listAccounts(database.read), [account]);
});

test('every commit is synced and foreign keys hold', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  // Through the writing connection, whose settings these are.
  const pragmas = await database.transact(async (transaction) => {
    const { sql } = await import('kysely');
    const value = async (name: string) => {
      const result = await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(transaction.queries);
      return Object.values(result.rows[0] ?? {})[0];
    };
    return [
      await value('journal_mode'),
      await value('synchronous'),
      await value('foreign_keys'),
      await value('secure_delete'),
    ];
  });
  assert.deepEqual(pragmas, ['wal', 2, 1, 1]);
});

test('a database from a newer version is refused and says what to do', async () => {
  using directory = tempDir();
  const file = path.join(directory.path, 'metadata.db');
  const later = { name: '0999-later', up: async () => {} };
  await (await Database.open({ file, rowKeys: ROW_KEYS, migrations: [...MIGRATIONS, later] }))[Symbol.asyncDispose]();
  await assert.rejects(Database.open({ file, rowKeys: ROW_KEYS }), (error: unknown) => {
    refusal('conflict', 'DATABASE_TOO_NEW')(error);
    assert.match(String(error), /0999-later/);
    return true;
  });
});

test('a later migration runs once, and one that fails changes nothing', async () => {
  using directory = tempDir();
  const file = path.join(directory.path, 'metadata.db');
  const open = (migrations: typeof MIGRATIONS) => Database.open({ file, rowKeys: ROW_KEYS, migrations });
  await (await open(MIGRATIONS))[Symbol.asyncDispose]();
  let runs = 0;
  const addTable = (fail: boolean) => ({
    name: '0002-more',
    up: async (db: Parameters<(typeof MIGRATIONS)[number]['up']>[0]) => {
      runs += 1;
      await db.schema.createTable('more').addColumn('id', 'text').execute();
      if (fail) throw new Error('no');
    },
  });
  await assert.rejects(open([...MIGRATIONS, addTable(true)]), /no/);
  await (await open([...MIGRATIONS, addTable(false)]))[Symbol.asyncDispose]();
  await (await open([...MIGRATIONS, addTable(false)]))[Symbol.asyncDispose]();
  assert.equal(runs, 2);
});

test('a file that is no database, a foreign database and a damaged one are refused', async () => {
  using directory = tempDir();
  const text = path.join(directory.path, 'text.db');
  writeFileSync(text, 'this is not a database, it is a letter to a friend\n'.repeat(100));
  await assert.rejects(Database.open({ file: text, rowKeys: ROW_KEYS }), refusal('corrupt', 'DATABASE_DAMAGED'));
  assert.match(readFileSync(text, 'utf8'), /^this is not/);

  const foreign = path.join(directory.path, 'foreign.db');
  const sqlite = new DatabaseSync(foreign);
  sqlite.exec('create table recipes (title text)');
  sqlite.close();
  await assert.rejects(Database.open({ file: foreign, rowKeys: ROW_KEYS }), refusal('conflict', 'DATABASE_FOREIGN'));

  const damaged = path.join(directory.path, 'damaged.db');
  await (await Database.open({ file: damaged, rowKeys: ROW_KEYS }))[Symbol.asyncDispose]();
  const bytes = readFileSync(damaged);
  bytes.fill(0xa5, 4096);
  writeFileSync(damaged, bytes);
  await assert.rejects(Database.open({ file: damaged, rowKeys: ROW_KEYS }), refusal('corrupt', 'DATABASE_DAMAGED'));
});

test('a database opened with another root key is refused as such', async () => {
  using directory = tempDir();
  const file = path.join(directory.path, 'metadata.db');
  await (await Database.open({ file, rowKeys: ROW_KEYS }))[Symbol.asyncDispose]();
  await assert.rejects(
    Database.open({ file, rowKeys: singleRowKey(new Uint8Array(32).fill(8)) }),
    refusal('conflict', 'ROOT_KEY_MISMATCH'),
  );
});

test('deleted key material is in no file after a scrub', async () => {
  await using opened = await openTestDatabase();
  const { database, file } = opened;
  const material = Buffer.from('material-0123456789-0123456789-0123456789');
  const holders = () =>
    readdirSync(path.dirname(file)).filter((name) =>
      readFileSync(path.join(path.dirname(file), name)).includes(material),
    );
  await database.transact(async (transaction) => {
    await transaction.queries
      .insertInto('accounts')
      .values({ accountId: ACCOUNT, regionId: 'r', createdMs: 1, mac: new Uint8Array(32) })
      .execute();
    await insertKey(transaction, aKey());
    await insertKeyVersion(transaction, { keyVersionId: 'v', keyId: 'k', materialSealed: material, createdMs: 1 });
  });
  assert.ok(holders().length > 0, 'the material was written');
  await database.transact((transaction) => deleteKeyVersions(transaction, 'k'));
  await database.scrub();
  assert.deepEqual(holders(), []);
});

test('the version of what is read changes with every commit, of this program or another, and with nothing else', async () => {
  await using opened = await openTestDatabase();
  const { database, file } = opened;
  const versions = [database.read.version()];
  await findSetting(database.read, 'a');
  assert.equal(database.read.version(), versions[0]);
  await database.transact((transaction) => putSetting(transaction, 'a', 'b'));
  versions.push(database.read.version());
  await assert.rejects(database.transact(() => Promise.reject(new Error('rolled back'))));
  assert.equal(database.read.version(), versions[1]);
  const other = new DatabaseSync(file);
  other.exec("update settings set value = 'c'");
  // What others commit is asked for once in a turn.
  await new Promise((resolve) => setImmediate(resolve));
  versions.push(database.read.version());
  other.close();
  assert.equal(new Set(versions).size, 3);
});
