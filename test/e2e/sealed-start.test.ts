// Servers that start without their root key, through the real command line.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { tempDir } from '../metadata/support.ts';
import { NO_SOFT_HSM, SoftHsm } from '../root/soft-hsm.ts';
import { Api, unixAddress } from '../support/api.ts';
import { TestServer, until } from '../support/start-server.ts';

const PASSPHRASE = 'correct horse battery staple';

const health = (server: TestServer): Promise<Response> => fetch(`http://127.0.0.1:${server.apiPort}/healthz`);

/** A disk under a key, with something on it: to see that all of it is there again. */
async function makeDisk(server: TestServer): Promise<(server: TestServer) => Promise<void>> {
  const api = new Api(server);
  await api.openKms();
  const diskId = await api.createDisk({ Encrypted: 'true' });
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  await client.write(0, Buffer.alloc(4096, 5), { fua: true });
  await client.disconnect();
  await api.unexport(exported.ExportId);
  return async (restarted) => {
    const reopened = new Api(restarted);
    const again = await reopened.exportDisk(diskId);
    const reader = await NbdClient.connect(unixAddress(again), again.ExportName);
    assert.deepEqual(Buffer.from(await reader.read(0, 4096)), Buffer.alloc(4096, 5));
    await reader.disconnect();
    await reopened.unexport(again.ExportId);
  };
}

test('a server without its passphrase starts sealed, says so everywhere, and is opened by unseal', async () => {
  using dir = tempDir();
  const dataDirectory = path.join(dir.path, 'data');
  const passphraseFile = path.join(dir.path, 'passphrase');
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`);
  let check: (server: TestServer) => Promise<void>;
  {
    await using first = await TestServer.start({
      dataDirectory,
      environment: { SEALDISK_PASSPHRASE_FILE: passphraseFile },
    });
    check = await makeDisk(first);
  }
  await using server = await TestServer.start({ dataDirectory, sealed: true });
  const answer = await health(server);
  assert.deepEqual([answer.status, await answer.json()], [503, { status: 'sealed' }]);
  assert.match(readFileSync(server.logFile, 'utf8'), /sealed: a passphrase is needed: run sealdisk unseal/);
  await assert.rejects(new Api(server).call('kms', 'ListKeys'), {
    httpStatus: 503,
    code: 'ServiceUnavailable',
    message: /sealdisk unseal/,
  });
  const xml = await fetch(`http://127.0.0.1:${server.apiPort}/?Format=XML&Action=ListKeys`, { method: 'POST' });
  assert.match(await xml.text(), /^<\?xml.*<Code>ServiceUnavailable<\/Code>/s);
  const status = await server.json<{ sealed: { code: string } }>('status');
  assert.equal(status.sealed.code, 'SEALED');
  for (const command of [
    ['account', 'create'],
    ['root-key', 'status'],
    ['root-key', 'rotate', '--passphrase-file', passphraseFile],
  ]) {
    const { code, stderr } = await server.sealdisk(...command);
    assert.deepEqual([code, /SEALED/.test(stderr)], [6, true], `${command.join(' ')}: ${stderr}`);
  }

  const wrong = await server.sealdiskWith({ input: 'not that one at all\n' }, 'unseal');
  assert.equal(wrong.code, 4);
  assert.match(wrong.stderr, /ROOT_PASSPHRASE_WRONG/);
  assert.equal((await health(server)).status, 503);

  const right = await server.sealdiskWith({ input: `${PASSPHRASE}\n` }, 'unseal');
  assert.equal(right.code, 0, right.stderr);
  assert.equal((await health(server)).status, 200, 'it serves as soon as unseal is done');
  await check(server);
  assert.equal((await server.json<{ sealed?: object }>('status')).sealed, undefined);
  assert.match((await server.sealdisk('unseal')).stdout, /open already/);
  await server.kill('SIGTERM');
  await server.start();
  assert.equal((await server.sealdisk('unseal', '--passphrase-file', passphraseFile)).code, 0);
});

test('systemd hands the passphrase over as a credential', async () => {
  using dir = tempDir();
  const credentials = path.join(dir.path, 'credentials');
  mkdirSync(credentials);
  writeFileSync(path.join(credentials, 'sealdisk.passphrase'), PASSPHRASE, { mode: 0o400 });
  const environment = { CREDENTIALS_DIRECTORY: credentials };
  const dataDirectory = path.join(dir.path, 'data');
  await using server = await TestServer.start({ dataDirectory, environment });
  assert.equal((await server.json<{ provider: string }>('root-key', 'status')).provider, 'passphrase');
  await server.kill('SIGTERM');
  await server.start();
  assert.equal((await health(server)).status, 200);
});

test('a sealed server stops when it is asked to', async () => {
  using dir = tempDir();
  const dataDirectory = path.join(dir.path, 'data');
  const passphraseFile = path.join(dir.path, 'passphrase');
  writeFileSync(passphraseFile, PASSPHRASE);
  await using server = await TestServer.start({
    dataDirectory,
    sealed: true,
    environment: { SEALDISK_PASSPHRASE_FILE: passphraseFile },
  });
  await server.kill('SIGTERM');
  writeFileSync(passphraseFile, 'another passphrase altogether');
  await server.start();
  assert.equal((await health(server)).status, 503, 'a wrong passphrase in the file is no reason to end');
  await server.kill('SIGTERM');
});

test(
  'a server whose token is missing waits for it, and opens by itself when it comes',
  { skip: NO_SOFT_HSM },
  async () => {
    using hsm = new SoftHsm();
    const environment = { ...hsm.environment, SEALDISK_ROOT_KEY: 'pkcs11' };
    await using server = await TestServer.start({ environment, sealed: true });
    const check = await makeDisk(server);
    await server.kill('SIGTERM');
    const tokens = path.join(hsm.directory, 'tokens');
    renameSync(tokens, `${tokens}.away`);
    mkdirSync(tokens);
    await server.start();
    assert.equal((await health(server)).status, 503);
    assert.equal((await server.json<{ sealed: { code: string } }>('status')).sealed.code, 'PKCS11_TOKEN_MISSING');
    renameSync(tokens, `${tokens}.empty`);
    renameSync(`${tokens}.away`, tokens);
    await until('the server to find its token', async () => (await health(server)).status === 200);
    await check(server);
  },
);

test('a wrong PIN is tried once, and again only when somebody says so', { skip: NO_SOFT_HSM }, async () => {
  using hsm = new SoftHsm();
  const environment = { ...hsm.environment, SEALDISK_ROOT_KEY: 'pkcs11' };
  await using server = await TestServer.start({ environment, sealed: true });
  await server.kill('SIGTERM');
  const pin = readFileSync(hsm.settings.pinFile, 'utf8');
  writeFileSync(hsm.settings.pinFile, '0000');
  await server.start();
  assert.equal((await server.json<{ sealed: { code: string } }>('status')).sealed.code, 'PKCS11_REFUSED');
  const again = await server.sealdisk('unseal');
  assert.match(again.stderr, /the PIN is wrong/);
  writeFileSync(hsm.settings.pinFile, pin);
  const { code, stderr } = await server.sealdisk('unseal');
  assert.equal(code, 0, stderr);
  assert.equal((await health(server)).status, 200);
});

test('one server seals another: the second starts sealed while the first is away', async () => {
  using dir = tempDir();
  await using keeper = await TestServer.start();
  const api = new Api(keeper);
  await api.openKms();
  const accessKeyFile = path.join(dir.path, 'access-key.json');
  writeFileSync(accessKeyFile, JSON.stringify(keeper.credentials), { mode: 0o600 });
  const keyId = await api.createKey();
  const environment = {
    SEALDISK_ROOT_KEY: 'kms',
    SEALDISK_KMS_ENDPOINT: `http://127.0.0.1:${keeper.apiPort}`,
    SEALDISK_KMS_KEY: keyId,
    SEALDISK_KMS_ACCESS_KEY_FILE: accessKeyFile,
  };
  await using server = await TestServer.start({ environment, sealed: true });
  const check = await makeDisk(server);
  assert.equal((await server.json<{ provider: string }>('root-key', 'status')).provider, 'kms');
  await server.kill('SIGTERM');
  await keeper.kill('SIGTERM');
  await server.start();
  assert.equal((await health(server)).status, 503);
  await keeper.start();
  await until('the server to reach the other one', async () => (await health(server)).status === 200);
  await check(server);
});
