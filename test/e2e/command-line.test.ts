import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { Api, type ExportAnswer } from '../support/api.ts';
import { runProgram, SEALDISK, TestServer, type Credentials } from '../support/start-server.ts';

test('the first start creates an account, prints its AccessKey once and keeps it for its owner only', async () => {
  await using server = await TestServer.start();
  const { accountId, accessKeyId, accessKeySecret } = server.credentials;
  assert.match(accountId, /^[1-8]\d{15}$/);
  const firstLog = readFileSync(server.logFile, 'utf8');
  assert.ok(firstLog.includes(accessKeyId) && firstLog.includes(accessKeySecret));
  for (const file of ['credentials.json', 'root.key', 'metadata.db']) {
    assert.equal(statSync(path.join(server.dataDirectory, file)).mode & 0o077, 0, file);
  }
  await server.kill('SIGTERM');
  await server.start();
  assert.equal(readFileSync(server.logFile, 'utf8').slice(firstLog.length).includes(accessKeySecret), false);
  assert.equal(server.credentials.accessKeyId, accessKeyId);
});

test('the first AccessKey can be preset', async () => {
  const preset = { SEALDISK_ACCESS_KEY_ID: 'presetKeyForTests', SEALDISK_ACCESS_KEY_SECRET: 'preset.secret-for_tests' };
  await using server = await TestServer.start({ environment: preset });
  assert.equal(server.credentials.accessKeyId, preset.SEALDISK_ACCESS_KEY_ID);
  const { AccountId } = await new Api(server).call<{ AccountId: string }>('sts', 'GetCallerIdentity');
  assert.equal(AccountId, server.credentials.accountId);
});

test('account create prints one JSON object, whether or not the server runs', async () => {
  await using server = await TestServer.start();
  const online = await server.json<Credentials>('account', 'create');
  await server.kill('SIGTERM');
  const offline = await server.json<Credentials>('account', 'create', '--region', 'cn-beijing');
  assert.notEqual(online.accountId, offline.accountId);
  await server.start();
  for (const account of [online, offline]) {
    const environment = {
      ...process.env,
      SEALDISK_ACCESS_KEY_ID: account.accessKeyId,
      SEALDISK_ACCESS_KEY_SECRET: account.accessKeySecret,
    };
    const { code, stderr } = await runProgram(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        SEALDISK,
        'export',
        'd-bp1aaaaaaaaaaaaaaaaa',
        '--data-dir',
        server.dataDirectory,
      ],
      { env: environment },
    );
    assert.equal(code, 3, 'the account is known and has no such disk');
    assert.match(stderr, /InvalidDiskId\.NotFound/);
    assert.match(stderr, /RequestId: /);
  }
});

test('a new AccessKey for an account whose credentials are lost works at once', async () => {
  await using server = await TestServer.start();
  const fresh = await server.json<Credentials>('account', 'access-key', server.credentials.accountId);
  assert.equal(fresh.accountId, server.credentials.accountId);
  assert.notEqual(fresh.accessKeyId, server.credentials.accessKeyId);
  const environment = {
    ...process.env,
    SEALDISK_ACCESS_KEY_ID: fresh.accessKeyId,
    SEALDISK_ACCESS_KEY_SECRET: fresh.accessKeySecret,
  };
  const { stderr } = await runProgram(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      SEALDISK,
      'export',
      'd-bp1aaaaaaaaaaaaaaaaa',
      '--data-dir',
      server.dataDirectory,
    ],
    { env: environment },
  );
  assert.match(stderr, /InvalidDiskId\.NotFound/);
});

test('export prints what ExportDisk answers and a PSK file, unexport takes both away', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  const diskId = await api.createDisk({ Encrypted: 'true' });
  const exported = await server.json<ExportAnswer & { pskFile: string }>('export', diskId);
  assert.equal(exported.DiskId, diskId);
  assert.match(exported.Psk, /^[0-9a-f]{64}$/);
  assert.match(exported.Uri, new RegExp(`^nbds://.*127\\.0\\.0\\.1:${server.nbdPort}/${exported.ExportName}$`));
  assert.match(exported.UnixUri, new RegExp(`^nbd\\+unix:///${exported.ExportName}\\?socket=`));
  assert.equal(path.basename(exported.pskFile), 'keys.psk');
  assert.equal(readFileSync(exported.pskFile, 'utf8'), `${exported.PskIdentity}:${exported.Psk}\n`);
  assert.equal(statSync(exported.pskFile).mode & 0o077, 0);
  await server.json('unexport', exported.ExportId);
  assert.equal(existsSync(exported.pskFile), false);
});

test('status and env tell where everything is, as lines and as JSON', async () => {
  await using server = await TestServer.start();
  const status = await server.json<{ api: string; nbd: string; pid: number }>('status');
  assert.deepEqual(
    [status.api, status.nbd, status.pid],
    [`127.0.0.1:${server.apiPort}`, `127.0.0.1:${server.nbdPort}`, server.pid],
  );
  const { stdout } = await server.sealdisk('env');
  const shell = await runProgram('sh', [
    '-c',
    `${stdout}\nprintf %s "$ALIBABA_CLOUD_ACCESS_KEY_ID $ALIBABA_CLOUD_ENDPOINT"`,
  ]);
  assert.equal(shell.stdout, `${server.credentials.accessKeyId} 127.0.0.1:${server.apiPort}`);
});

test('commands name what is wrong and exit by kind', async () => {
  await using server = await TestServer.start();
  const [unknown, notFound] = await Promise.all([
    server.sealdisk('frobnicate'),
    server.sealdisk('export', 'd-bp1aaaaaaaaaaaaaaaaa', '--json'),
  ]);
  assert.equal(unknown.code, 2);
  assert.equal(notFound.code, 3);
  assert.equal(notFound.stdout, '');
  const nobody = await runProgram(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    SEALDISK,
    'status',
    '--data-dir',
    '/nonexistent',
  ]);
  assert.equal(nobody.code, 6);
  assert.match(nobody.stderr, /sealdisk serve/);
});

test('a data directory with a path too long for sockets works all the same', async () => {
  const { mkdtempSync, rmSync } = await import('node:fs');
  const base = mkdtempSync('/tmp/sealdisk-long-');
  using _cleanup = { [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }) };
  await using server = await TestServer.start({ dataDirectory: path.join(base, 'x'.repeat(120)) });
  const api = new Api(server);
  const exported = await server.json<ExportAnswer>('export', await api.createDisk());
  assert.ok(
    Buffer.byteLength(new URL(exported.UnixUri.replace('nbd+unix:', 'http://x')).searchParams.get('socket') ?? '') <=
      107,
  );
  await server.json('unexport', exported.ExportId);
});
