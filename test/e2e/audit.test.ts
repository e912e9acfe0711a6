// The audit log of a whole server: through SIGKILL, with its commands, and without a secret in it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { RpcRefusal } from '../../src/api/rpc-client.ts';
import { Api } from '../support/api.ts';
import { runProgram, SEALDISK, TestServer, until } from '../support/start-server.ts';

interface AuditRecord {
  readonly seq: number;
  readonly kind: string;
  readonly requestId?: string;
  readonly action?: string;
  readonly code?: string;
  readonly status?: number;
  readonly purpose?: string;
  readonly diskId?: string;
  readonly keyId?: string;
  readonly role?: string | null;
  readonly operation?: string;
  readonly outcome?: string;
  readonly details?: object;
  readonly result?: Readonly<Record<string, string>>;
}

const folder = (server: TestServer): string => path.join(server.dataDirectory, 'audit');

function recordsOf(server: TestServer): AuditRecord[] {
  return readdirSync(folder(server))
    .filter((name) => name.endsWith('.jsonl'))
    .toSorted()
    .flatMap((name) => readFileSync(path.join(folder(server), name), 'utf8').split('\n'))
    .flatMap((line) => (line.endsWith('"}') ? [JSON.parse(line) as AuditRecord] : []));
}

interface Verified {
  readonly findings: readonly { readonly what: string; readonly seq?: number; readonly message: string }[];
  readonly notes: readonly string[];
}

async function verify(server: TestServer, ...args: string[]): Promise<Verified & { readonly code: number }> {
  const { code, stdout, stderr } = await server.sealdisk('audit', 'verify', '--json', ...args);
  assert.ok(stdout !== '', stderr);
  return { code, ...(JSON.parse(stdout) as Verified) };
}

test('every answered change is in the log after SIGKILL, whatever was under way, and the log is whole', async () => {
  await using server = await TestServer.start();
  const answered: string[] = [];
  await new Api(server).openKms();
  for (let round = 0; round < 3; round++) {
    const api = new Api(server);
    let killed = false;
    const callers = Array.from({ length: 8 }, async (_, caller) => {
      for (let i = 0; !killed; i++) {
        const made = await api
          .call<{ KeyMetadata: { KeyId: string } }>('kms', 'CreateKey', { Description: `${round}/${caller}/${i}` })
          .catch((error: unknown) => {
            if (error instanceof RpcRefusal) throw error;
            return undefined;
          });
        if (made === undefined) return;
        answered.push(made.KeyMetadata.KeyId);
        if (answered.length > 180) return;
      }
    });
    const enough = (round + 1) * 30;
    await until('some keys', () => answered.length >= enough);
    await server.kill('SIGKILL');
    killed = true;
    await Promise.all(callers);
    const ids = new Set(recordsOf(server).flatMap(({ result }) => result?.['KeyId'] ?? []));
    assert.deepEqual(
      answered.filter((id) => !ids.has(id)),
      [],
      `round ${round}`,
    );
    const offline = await verify(server);
    assert.deepEqual([offline.code, offline.findings], [0, []]);
    await server.start();
  }
  const begun = recordsOf(server).filter(({ kind, action }) => kind === 'begin' && action === 'CreateKey');
  assert.ok(begun.length >= answered.length);
  assert.deepEqual((await verify(server)).findings, []);
});

test('uses of keys by the system are on record with role, key and disk, also those of a restart', async () => {
  await using server = await TestServer.start({ args: [] });
  const api = new Api(server);
  await api.openKms();
  await api.authorizeDiskEncryption();
  const keyId = await api.createKey();
  const diskId = await api.createDisk({ Encrypted: 'true', KMSKeyId: keyId });
  await api.exportDisk(diskId);
  const uses = (): AuditRecord[] => recordsOf(server).filter(({ kind }) => kind === 'key');
  assert.deepEqual(
    uses().map(({ purpose, diskId: disk, keyId: key, role }) => [purpose, disk, key, role]),
    [
      ['GenerateDataKey', diskId, keyId, 'AliyunECSDiskEncryptDefaultRole'],
      ['Decrypt', diskId, keyId, 'AliyunECSDiskEncryptDefaultRole'],
    ],
  );
  const calls = new Map(recordsOf(server).flatMap((r) => (r.kind === 'call' ? [[r.requestId, r.action]] : [])));
  assert.deepEqual(
    uses().map(({ requestId }) => calls.get(requestId)),
    ['CreateDisk', 'ExportDisk'],
  );
  await server.kill('SIGTERM');
  await server.start();
  await until('the export to be opened again', () => uses().length > 2);
  assert.equal(uses()[2]?.requestId, undefined, 'nobody asked for it');
});

test('no secret is in any file of the log', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  const secrets = [server.credentials.accessKeySecret];
  await api.openKms();
  const keyId = await api.createKey();
  const plaintext = Buffer.from('a plaintext that nobody may read').toString('base64');
  const { CiphertextBlob } = await api.call<{ CiphertextBlob: string }>('kms', 'Encrypt', {
    KeyId: keyId,
    Plaintext: plaintext,
  });
  const generated = await api.call<{ Plaintext: string }>('kms', 'GenerateDataKey', { KeyId: keyId });
  await api.call('kms', 'Decrypt', { CiphertextBlob });
  const exported = await api.exportDisk(await api.createDisk({ Encrypted: 'true' }));
  const account = await server.json<{ accessKeySecret: string }>('account', 'create');
  secrets.push(plaintext, 'a plaintext that nobody may read', generated.Plaintext, CiphertextBlob, exported.Psk);
  secrets.push(account.accessKeySecret);
  // Where refusals repeat what was sent: a wrong signature, and a plaintext that is none.
  const wrong = new URLSearchParams({ Action: 'Encrypt', Version: '2016-01-20', Plaintext: plaintext });
  await fetch(`http://127.0.0.1:${server.apiPort}/?${wrong.toString()}`, { method: 'POST' });
  await api.call('kms', 'Encrypt', { KeyId: keyId, Plaintext: `${plaintext}!!` }).catch(() => undefined);
  await api.call('kms', 'Encrypt', { KeyId: 'nobody', Plaintext: plaintext }).catch(() => undefined);
  const key = readFileSync(path.join(server.dataDirectory, 'root.key'));
  const files = readdirSync(folder(server)).map((name) => readFileSync(path.join(folder(server), name)));
  assert.ok(
    files.some((content) => content.includes('GenerateDataKey')),
    'the log was found',
  );
  for (const secret of [...secrets, key, key.toString('hex'), key.toString('base64')])
    assert.ok(!files.some((content) => content.includes(secret)), `found ${String(secret).slice(0, 8)}…`);
});

test('what is changed in the log of a stopped server is found, named, and told by the server for ever', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  for (let i = 0; i < 5; i++) await api.call('sts', 'GetCallerIdentity');
  const anchorFile = path.join(server.dataDirectory, 'anchor.txt');
  const { stdout: anchor } = await server.sealdisk('audit', 'anchor');
  writeFileSync(anchorFile, anchor);
  await server.kill('SIGTERM');
  assert.deepEqual((await verify(server, '--anchor', anchorFile)).code, 0);
  const { stdout: offline } = await server.sealdisk('audit', 'anchor');
  assert.match(offline, /^sealdisk-audit:1:/);

  const file = path.join(folder(server), 'audit-00000001.jsonl');
  const content = readFileSync(file, 'utf8');
  const target = content.split('\n').findIndex((line) => line.includes('"action":"GetCallerIdentity"'));
  const lines = content.split('\n');
  writeFileSync(file, lines.with(target, (lines[target] ?? '').replace('"status":200', '"status":403')).join('\n'));
  const changed = await verify(server);
  assert.equal(changed.code, 1);
  assert.deepEqual(
    changed.findings.map(({ what, seq }) => [what, seq]),
    [['changed', target + 1]],
  );
  writeFileSync(file, lines.slice(0, -3).join('\n').concat('\n'));
  assert.ok((await verify(server)).findings.some(({ what }) => what === 'missing'));
  await server.start();
  const online = await verify(server);
  assert.equal(online.code, 1);
  assert.ok(online.findings.some(({ what }) => what === 'break'));
  await new Api(server).call('sts', 'GetCallerIdentity');
  await server.kill('SIGTERM');
  assert.ok((await verify(server)).findings.some(({ what }) => what === 'break'));
});

test('a log that is removed altogether is missed by its database', async () => {
  await using server = await TestServer.start();
  await server.kill('SIGTERM');
  rmSync(folder(server), { recursive: true });
  await server.start();
  const { code, findings } = await verify(server);
  assert.equal(code, 1);
  assert.match(findings.map(({ message }) => message).join(), /which this database belongs to, was missing/);
});

test('an export verifies by itself, and whoever reads only a part of it meets no error', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.call('sts', 'GetCallerIdentity');
  const { stdout, stderr } = await server.sealdisk('audit', 'export');
  assert.match(stderr, /^records 1 to \d+$/m);
  const file = path.join(server.dataDirectory, 'export.jsonl');
  writeFileSync(file, stdout);
  assert.deepEqual((await verify(server, '--file', file)).findings, []);
  writeFileSync(file, stdout.replace('GetCallerIdentity', 'GetCallerIdentitY'));
  assert.equal((await verify(server, '--file', file)).code, 1);
  const command = `"$0" --disable-warning=ExperimentalWarning "$1" audit export --data-dir "$2" | head -n 1 | wc -l`;
  const part = await runProgram('bash', [
    '-o',
    'pipefail',
    '-c',
    command,
    process.execPath,
    SEALDISK,
    server.dataDirectory,
  ]);
  assert.deepEqual([part.code, part.stdout.trim(), part.stderr.includes('EPIPE')], [0, '1', false]);
});

test('tail shows the last records, and follows what happens', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.call('sts', 'GetCallerIdentity');
  const { stdout: last } = await server.sealdisk('audit', 'tail', '-n', '1');
  assert.match(last, /200 OK {2}sts GetCallerIdentity/);
  const args = ['--disable-warning=ExperimentalWarning', SEALDISK, 'audit', 'tail', '-f', '-n', '1', '--json'];
  const tail = spawn(process.execPath, [...args, '--data-dir', server.dataDirectory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let text = '';
    tail.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    await until('the last record', () => text.includes('GetCallerIdentity'));
    await api.call('ecs', 'DescribeRegions');
    await until('the next record', () => text.includes('DescribeRegions'));
    const seqs = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as AuditRecord).seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, i) => (seqs[0] ?? 0) + i),
      'each record once',
    );
  } finally {
    tail.kill('SIGKILL');
  }
});

test('why-denied explains a refusal by its request id', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  const refused = await api
    .call('kms', 'DescribeKey', { KeyId: 'acs:kms:cn-hangzhou:1111111111111111:key/k' })
    .then(() => assert.fail('it was allowed'))
    .catch((error: unknown) => error);
  assert.ok(refused instanceof RpcRefusal);
  const { stdout, code } = await server.sealdisk('why-denied', refused.requestId);
  assert.equal(code, 0);
  assert.match(stdout, /kms DescribeKey by acs:ram::\d+:root: \d+ /);
  const unknown = await server.sealdisk('why-denied', 'nothing');
  assert.equal(unknown.code, 3);
  assert.match(unknown.stderr, /REQUEST_UNKNOWN/);
});

test('what the owner does on the admin socket is on record too', async () => {
  await using server = await TestServer.start();
  const { accountId } = await server.json<{ accountId: string }>('account', 'create');
  await server.json('account', 'access-key', accountId);
  await server.kill('SIGTERM');
  await server.json('account', 'create');
  const done = recordsOf(server).filter(({ kind, outcome }) => kind === 'admin' && outcome === 'done');
  assert.deepEqual(
    done.map(({ operation }) => operation),
    ['createAccount', 'createAccessKey', 'createAccount'],
  );
});

test('a flood of unsigned requests takes thirty records a minute', async () => {
  await using server = await TestServer.start();
  const before = recordsOf(server).length;
  for (let i = 0; i < 20; i++)
    await Promise.all(Array.from({ length: 10 }, () => fetch(`http://127.0.0.1:${server.apiPort}/?Action=x`)));
  assert.ok(recordsOf(server).length - before <= 60);
  await server.kill('SIGTERM');
  const counted = recordsOf(server).find(({ kind }) => kind === 'refusals') as unknown as { count: number };
  assert.ok(counted.count >= 140);
});

test('the destruction of a key is on record when its time has come', async () => {
  await using server = await TestServer.start({ args: ['--test-clock'] });
  const api = new Api(server);
  await api.openKms();
  const keyId = await api.createKey();
  await api.call('kms', 'ScheduleKeyDeletion', { KeyId: keyId, PendingWindowInDays: '7' });
  await server.json('clock', 'advance', '8d');
  const acts = recordsOf(server).filter(({ kind }) => kind === 'system');
  assert.deepEqual(
    acts.map(({ action, details }) => [action, details]),
    [['DestroyKey', { keyId }]],
  );
});
