// Starting where one cannot: a clear refusal that says what to do, and nothing changed.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { freePort, runProgram, SEALDISK, TestServer, type Finished } from '../support/start-server.ts';

function serve(
  dataDirectory: string,
  listen: string,
  nbdListen: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  return runProgram(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      SEALDISK,
      'serve',
      '--data-dir',
      dataDirectory,
      '--listen',
      listen,
      '--nbd-listen',
      nbdListen,
    ],
    { env: { ...process.env, ...environment } },
  );
}

async function takenPort(): Promise<{ port: number } & Disposable> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as { port: number };
  return { port: address.port, [Symbol.dispose]: () => server.close() };
}

function scratchDirectory(): { path: string } & Disposable {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-refused-'));
  return {
    path: directory,
    [Symbol.dispose]: () => {
      chmodSync(directory, 0o700);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

test('a taken API port is named, with the option that chooses another', async () => {
  using directory = scratchDirectory();
  using taken = await takenPort();
  const { code, stderr } = await serve(directory.path, `127.0.0.1:${taken.port}`, `127.0.0.1:${await freePort()}`);
  assert.notEqual(code, 0);
  assert.match(stderr, new RegExp(`127.0.0.1:${taken.port}`));
  assert.match(stderr, /--listen/);
});

test('a taken NBD port is named, with the option that chooses another', async () => {
  using directory = scratchDirectory();
  using taken = await takenPort();
  const { code, stderr } = await serve(directory.path, `127.0.0.1:${await freePort()}`, `127.0.0.1:${taken.port}`);
  assert.notEqual(code, 0);
  assert.match(stderr, new RegExp(`127.0.0.1:${taken.port}`));
  assert.match(stderr, /--nbd-listen/);
});

test('a second server on one data directory is refused and the first is named', async () => {
  await using server = await TestServer.start();
  const { code, stderr } = await serve(
    server.dataDirectory,
    `127.0.0.1:${await freePort()}`,
    `127.0.0.1:${await freePort()}`,
  );
  assert.notEqual(code, 0);
  assert.match(stderr, new RegExp(`process ${server.pid}`));
  assert.equal((await fetch(`http://127.0.0.1:${server.apiPort}/healthz`)).status, 200);
});

test('a data directory that cannot be written is refused by name', async () => {
  const directory = '/proc/sealdisk-data';
  const { code, stderr } = await serve(directory, `127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`);
  assert.notEqual(code, 0);
  assert.match(stderr, /\/proc\/sealdisk-data/);
  assert.match(stderr, /--data-dir/);
});

test(
  'a read-only data directory is refused and left as it is',
  { skip: process.getuid?.() === 0 ? 'root writes everywhere' : false },
  async () => {
    using directory = scratchDirectory();
    chmodSync(directory.path, 0o500);
    const { code, stderr } = await serve(
      directory.path,
      `127.0.0.1:${await freePort()}`,
      `127.0.0.1:${await freePort()}`,
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /--data-dir/);
    assert.deepEqual(readdirSync(directory.path), []);
  },
);

test('a data directory of a newer version is refused', async () => {
  const server = await TestServer.start();
  await server.kill('SIGTERM');
  using _cleanup = { [Symbol.dispose]: () => rmSync(server.dataDirectory, { recursive: true, force: true }) };
  const database = new DatabaseSync(path.join(server.dataDirectory, 'metadata.db'));
  const tables = database
    .prepare("select name from sqlite_master where type = 'table' and name like '%migration%'")
    .all() as { name: string }[];
  assert.equal(tables.length, 1, 'one table says which version wrote the database');
  const table = tables[0]?.name ?? '';
  const columns = (database.prepare(`select * from ${table}`).get() ?? {}) as Record<string, unknown>;
  const next = Object.entries(columns).map(([, value]) => (typeof value === 'number' ? 9999 : '9999-from-the-future'));
  database.prepare(`insert into ${table} values (${next.map(() => '?').join(', ')})`).run(...next);
  database.close();
  const { code, stderr } = await serve(
    server.dataDirectory,
    `127.0.0.1:${await freePort()}`,
    `127.0.0.1:${await freePort()}`,
  );
  assert.notEqual(code, 0);
  assert.match(stderr, /newer/);
});

test('a database without its root key is refused, and no new key is made', async () => {
  const server = await TestServer.start();
  await server.kill('SIGTERM');
  using _cleanup = { [Symbol.dispose]: () => rmSync(server.dataDirectory, { recursive: true, force: true }) };
  const rootKey = path.join(server.dataDirectory, 'root.key');
  rmSync(rootKey);
  const { code, stderr } = await serve(
    server.dataDirectory,
    `127.0.0.1:${await freePort()}`,
    `127.0.0.1:${await freePort()}`,
  );
  assert.notEqual(code, 0);
  assert.match(stderr, /root\.key/);
  assert.equal(existsSync(rootKey), false);
});

test('listening beyond loopback is refused with what to do instead', async () => {
  using directory = scratchDirectory();
  const { code, stderr } = await serve(directory.path, '0.0.0.0:0', `127.0.0.1:${await freePort()}`);
  assert.notEqual(code, 0);
  assert.match(stderr, /TLS/);
  assert.deepEqual(readdirSync(directory.path), []);
});

for (const [name, listen, environment] of [
  ['an address without a port', '127.0.0.1', {}],
  ['a port that does not exist', '127.0.0.1:70000', {}],
  ['half a preset AccessKey', '127.0.0.1:1', { SEALDISK_ACCESS_KEY_ID: 'presetAccessKey1' }],
  [
    'a preset AccessKey with a blank',
    '127.0.0.1:1',
    { SEALDISK_ACCESS_KEY_ID: 'preset AccessKey', SEALDISK_ACCESS_KEY_SECRET: 'presetSecret1' },
  ],
  ['a region that is none', '127.0.0.1:1', { SEALDISK_DEFAULT_REGION: 'Hangzhou!' }],
] as const) {
  test(`${name} is refused before anything is written`, async () => {
    using directory = scratchDirectory();
    const { code, stderr } = await serve(directory.path, listen, '127.0.0.1:0', environment);
    assert.equal(code, 2, stderr);
    assert.deepEqual(readdirSync(directory.path), []);
  });
}
