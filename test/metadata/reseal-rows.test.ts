import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { accounts } from '../../src/metadata/accounts.ts';
import { accessKeys } from '../../src/metadata/access-keys.ts';
import { countEarlierRows, refuseUnknownSealed, resealRows } from '../../src/metadata/reseal-rows.ts';
import { SEALED_COLUMNS } from '../../src/metadata/sealed-columns.ts';
import { Keyring } from '../../src/root/keyring.ts';
import { ACCOUNT, openTestDatabase } from './support.ts';

function keyring(): Keyring {
  const made = new Keyring(nodeCipherBackend(), systemRandom);
  made.add({ number: 1, purpose: 'rows', createdMs: 0, key: systemRandom.bytes(32) });
  return made;
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

test('every column with a sealed secret is known to be sealed anew', async () => {
  await using opened = await openTestDatabase();
  const raw = new DatabaseSync(opened.file);
  const columns = raw
    .prepare(
      "select t.name as t, c.name as c from sqlite_schema t, pragma_table_info(t.name) c where t.type = 'table' and c.name like '%\\_sealed' escape '\\' order by 1, 2",
    )
    .all()
    .map((row) => `${camel(String(row['t']))}.${camel(String(row['c']))}`);
  raw.close();
  // No material lies in the database: the column is NULL for ever (decision 0009).
  const expected = columns.filter((name) => name !== 'keyVersions.materialSealed');
  assert.ok(expected.length > 0);
  assert.deepEqual(SEALED_COLUMNS.map(({ table, column }) => `${table}.${column}`).toSorted(), expected.toSorted());
});

test('more rows than fit one transaction are all sealed anew, and their contents stay', async () => {
  using keys = keyring();
  await using opened = await openTestDatabase({ rowKeys: keys.rowKeys });
  const { database } = opened;
  const sealer = keys.sealer('rows');
  const count = 250;
  await database.transact(async (transaction) => {
    await accounts.insert(transaction, { accountId: ACCOUNT, regionId: 'cn-hangzhou', createdMs: 1 });
    for (let n = 0; n < count; n++)
      await accessKeys.insert(transaction, {
        accessKeyId: `key-${n}`,
        accountId: ACCOUNT,
        userName: null,
        secretSealed: sealer.seal(`access-key:key-${n}`, Buffer.from(`secret ${n}`)),
        status: 'Active',
        createdMs: n,
      });
  });
  const before = await accessKeys.findAll(database.read, {});
  assert.equal(await countEarlierRows(database.read, sealer), 0);
  keys.add({ number: 2, purpose: 'rows', createdMs: 0, key: systemRandom.bytes(32) });
  const stale = await countEarlierRows(database.read, sealer);
  assert.equal(stale, count + 2, 'these, the account and the witness');
  const told: number[] = [];
  assert.deepEqual(await resealRows(database, sealer, (done) => told.push(done)), { resealed: stale, altered: [] });
  assert.equal(await countEarlierRows(database.read, sealer), 0);
  assert.deepEqual(told.at(-1), stale);
  keys.forget(1);
  keys.dropForgotten();
  const rows = await accessKeys.findAll(database.read, {});
  assert.deepEqual(
    rows.map((row) => ({ ...row, secretSealed: null })),
    before.map((row) => ({ ...row, secretSealed: null })),
  );
  for (const { accessKeyId, secretSealed, createdMs } of rows)
    assert.equal(Buffer.from(sealer.open(`access-key:${accessKeyId}`, secretSealed)).toString(), `secret ${createdMs}`);
});

test('something sealed in a column that nobody knows of keeps its key from being forgotten', async () => {
  using keys = keyring();
  await using opened = await openTestDatabase({ rowKeys: keys.rowKeys });
  const sealed = keys.sealer('rows').seal('x', Buffer.from('y'));
  const raw = new DatabaseSync(opened.file);
  raw.exec('create table later (id integer primary key, cell blob)');
  raw.prepare('insert into later (cell) values (?)').run(sealed);
  raw.close();
  keys.add({ number: 2, purpose: 'rows', createdMs: 0, key: systemRandom.bytes(32) });
  await assert.rejects(refuseUnknownSealed(opened.database.read, keys.prefixesBefore('rows', 2)), {
    code: 'SEALED_COLUMN_UNKNOWN',
    message: /later\.cell/,
  });
  await refuseUnknownSealed(opened.database.read, []);
});
