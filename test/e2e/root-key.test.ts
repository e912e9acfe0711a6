// The root key of a running server: rotated, moved, killed on the way; and where none of it may be seen.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { NbdClient } from '../../src/nbd/client.ts';
import { tempDir } from '../metadata/support.ts';
import { PIN, NO_SOFT_HSM, SoftHsm } from '../root/soft-hsm.ts';
import { Api, unixAddress } from '../support/api.ts';
import { countInMemory } from '../support/process-memory.ts';
import { TestServer, until } from '../support/start-server.ts';

const PASSPHRASE = 'correct horse battery staple';

interface Status {
  readonly provider: string;
  readonly rootKeyId: string;
  readonly storeKeys: readonly { readonly purpose: string }[];
  readonly resealing: { readonly state: string };
}

interface Stock {
  readonly blob: string;
  readonly diskId: string;
}

const PLAINTEXT = Buffer.from('as it was').toString('base64');

async function stock(server: TestServer): Promise<Stock> {
  const api = new Api(server);
  await api.openKms();
  const KeyId = await api.createKey();
  const { CiphertextBlob } = await api.call<{ CiphertextBlob: string }>('kms', 'Encrypt', {
    KeyId,
    Plaintext: PLAINTEXT,
  });
  return { blob: CiphertextBlob, diskId: await api.createDisk({ Encrypted: 'true' }) };
}

async function check(server: TestServer, { blob, diskId }: Stock): Promise<void> {
  const api = new Api(server);
  const { Plaintext } = await api.call<{ Plaintext: string }>('kms', 'Decrypt', { CiphertextBlob: blob });
  assert.equal(Plaintext, PLAINTEXT);
  const exported = await api.exportDisk(diskId);
  await (await NbdClient.connect(unixAddress(exported), exported.ExportName)).disconnect();
  await api.unexport(exported.ExportId);
}

test('the root key is rotated and moved under a running server with an open disk', async () => {
  using dir = tempDir();
  const passphraseFile = path.join(dir.path, 'passphrase');
  writeFileSync(passphraseFile, PASSPHRASE);
  await using server = await TestServer.start();
  const kept = await stock(server);
  const api = new Api(server);
  const exported = await api.exportDisk(await api.createDisk({ Encrypted: 'true' }));
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  const rootKey = readFileSync(path.join(server.dataDirectory, 'root.key'));
  const before = await server.json<Status>('root-key', 'status');
  const rotated = await server.json<Status>('root-key', 'rotate');
  assert.notEqual(rotated.rootKeyId, before.rootKeyId);
  assert.deepEqual([rotated.resealing.state, rotated.storeKeys.length], ['done', 3]);
  assert.notDeepEqual(readFileSync(path.join(server.dataDirectory, 'root.key')), rootKey);
  await client.write(0, Buffer.alloc(4096, 7), { fua: true });
  await check(server, kept);
  const moved = await server.json<Status>(
    'root-key',
    'move',
    '--to',
    'passphrase',
    '--passphrase-file',
    passphraseFile,
  );
  assert.equal(moved.provider, 'passphrase');
  assert.equal(existsSync(path.join(server.dataDirectory, 'root.key')), false);
  await check(server, kept);
  assert.deepEqual(Buffer.from(await client.read(0, 4096)), Buffer.alloc(4096, 7));
  await client.disconnect();
  const refused = await server.sealdisk('root-key', 'move', '--to', 'pkcs11');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /ROOT_PROVIDER_UNSET: .*SEALDISK_PKCS11_MODULE/);
  await server.json('root-key', 'move', '--to', 'file');
  await server.kill('SIGKILL');
  await server.start();
  await check(server, kept);
});

test('a server that is killed while its root key is rotated opens everything afterwards, five times', async () => {
  await using server = await TestServer.start();
  const kept = await stock(server);
  for (let round = 0; round < 5; round++) {
    const rotation = server.sealdisk('root-key', 'rotate');
    await sleep(250 + 40 * round);
    await server.kill('SIGKILL');
    await rotation;
    await server.start();
    await check(server, kept);
  }
  const { resealing, storeKeys } = await server.json<Status>('root-key', 'rotate');
  assert.deepEqual([resealing.state, storeKeys.length], ['done', 3]);
  await check(server, kept);
});

test('a server does not take a key of its own for its root key, and says when its settings name another keeper', async () => {
  using dir = tempDir();
  const passphraseFile = path.join(dir.path, 'passphrase');
  writeFileSync(passphraseFile, PASSPHRASE);
  const dataDirectory = path.join(dir.path, 'data');
  let keyId: string;
  {
    await using server = await TestServer.start({ dataDirectory });
    await stock(server);
    keyId = await new Api(server).createKey();
  }
  const environment = { SEALDISK_PASSPHRASE_FILE: passphraseFile };
  await using server = await TestServer.start({ dataDirectory, environment });
  const printed = readFileSync(server.logFile, 'utf8');
  assert.match(printed, /is kept by file, and not by passphrase as configured/);
  assert.match(printed, /sealdisk root-key move --to passphrase/);
  await server.kill('SIGTERM');
  const own = {
    SEALDISK_KMS_ENDPOINT: `http://127.0.0.1:${server.apiPort}`,
    SEALDISK_KMS_KEY: keyId,
    SEALDISK_KMS_ACCESS_KEY_FILE: path.join(dataDirectory, 'credentials.json'),
  };
  await using again = await TestServer.start({ dataDirectory, environment: own });
  const refused = await again.sealdisk('root-key', 'move', '--to', 'kms');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /ROOT_KEY_CIRCULAR/);
});

test('a destroyed key takes the store key of key files with it, and an old copy of the files opens nothing', async () => {
  await using server = await TestServer.start({ args: ['--test-clock'] });
  const kept = await stock(server);
  const api = new Api(server);
  const KeyId = await api.createKey();
  const numbers = async (): Promise<number[]> =>
    (await server.json<{ storeKeys: { number: number }[] }>('root-key', 'status')).storeKeys.map(
      ({ number }) => number,
    );
  assert.deepEqual(await numbers(), [1, 2, 3]);
  const files = path.join(server.dataDirectory, 'keys');
  const [copy = ''] = readdirSync(files);
  const content = readFileSync(path.join(files, copy));
  await api.call('kms', 'ScheduleKeyDeletion', { KeyId, PendingWindowInDays: '7' });
  await server.json('clock', 'advance', '8d');
  await until('the key files to be sealed anew', async () => (await numbers()).join() === '1,2,4');
  const [now = ''] = readdirSync(files);
  assert.equal(readFileSync(path.join(files, now)).toString('hex', 0, 5), '0200000004');
  assert.equal(content.toString('hex', 0, 5), '0200000003', 'what a copy has names a store key that is gone');
  await check(server, kept);
});

test(
  'the root key moves into a token and to another KMS, and the server opens with each',
  { skip: NO_SOFT_HSM },
  async () => {
    using hsm = new SoftHsm();
    using dir = tempDir();
    await using keeper = await TestServer.start();
    const api = new Api(keeper);
    await api.openKms();
    const accessKeyFile = path.join(dir.path, 'access-key.json');
    writeFileSync(accessKeyFile, JSON.stringify(keeper.credentials), { mode: 0o600 });
    const environment = {
      ...hsm.environment,
      SEALDISK_KMS_ENDPOINT: `http://127.0.0.1:${keeper.apiPort}`,
      SEALDISK_KMS_KEY: await api.createKey(),
      SEALDISK_KMS_ACCESS_KEY_FILE: accessKeyFile,
    };
    await using server = await TestServer.start({ environment });
    const kept = await stock(server);
    for (const to of ['pkcs11', 'kms', 'file']) {
      assert.equal((await server.json<Status>('root-key', 'move', '--to', to)).provider, to);
      await server.kill('SIGTERM');
      await server.start();
      await check(server, kept);
      assert.equal(existsSync(path.join(server.dataDirectory, 'root.key')), to === 'file');
    }
  },
);

test(
  'no passphrase, PIN or root key is on a command line, in an environment, in a log, in a file or left in memory',
  { skip: NO_SOFT_HSM },
  async () => {
    using hsm = new SoftHsm();
    using dir = tempDir();
    const passphraseFile = path.join(dir.path, 'passphrase');
    writeFileSync(passphraseFile, PASSPHRASE);
    const environment = { ...hsm.environment, SEALDISK_LOG_LEVEL: 'debug' };
    await using server = await TestServer.start({ environment });
    await stock(server);
    const secrets = [
      Buffer.from(PASSPHRASE),
      Buffer.from(PIN),
      readFileSync(path.join(server.dataDirectory, 'root.key')),
    ];
    await server.json('root-key', 'move', '--to', 'pkcs11');
    await server.json('root-key', 'move', '--to', 'passphrase', '--passphrase-file', passphraseFile);
    if (process.getuid?.() === 0) {
      assert.ok(countInMemory(process.pid, secrets[0] ?? Buffer.from('-')) > 0, 'the search finds what is there');
      for (const [index, secret] of secrets.entries())
        assert.equal(countInMemory(server.pid, secret), 0, `secret ${index} is in no memory once it was used`);
    }
    await server.kill('SIGTERM');
    const logLength = readFileSync(server.logFile).length;
    await server.start().catch(() => undefined);
    assert.ok(readFileSync(server.logFile).length > logLength);
    const places = [
      readFileSync(server.logFile),
      readFileSync(`/proc/${server.pid}/cmdline`),
      readFileSync(`/proc/${server.pid}/environ`),
    ];
    for (const entry of readdirSync(server.dataDirectory, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) places.push(readFileSync(path.join(entry.parentPath, entry.name)));
    for (const [index, secret] of secrets.entries())
      for (const form of [secret, Buffer.from(secret.toString('hex')), Buffer.from(secret.toString('base64'))])
        assert.ok(!places.some((place) => place.includes(form)), `secret ${index}`);
  },
);
