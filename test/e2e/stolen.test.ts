// What somebody gets who takes a part of an installation: each thief of SECURITY.md, "The key hierarchy", tried.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { KeyStore } from '../../src/kms/key-store.ts';
import { Database } from '../../src/metadata/database.ts';
import { RootOfTrust } from '../../src/root/root-of-trust.ts';
import { tempDir } from '../metadata/support.ts';
import { trustParts } from '../root/open-test-trust.ts';
import { Api, unixAddress } from '../support/api.ts';
import { filesWith } from '../support/files-with.ts';
import { TestServer } from '../support/start-server.ts';

const CONTENT = Buffer.from('something that only its owner may read, written to a disk');

let server: TestServer;
/** The data directory as it was before the root key was rotated, with the root key of that time. */
let earlier: string;
/** Every form of every secret that the files could give away, by what it is. */
const secrets = new Map<string, Buffer>();
const scratch = tempDir();

before(async () => {
  server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  await api.createKey();
  const exported = await api.exportDisk(await api.createDisk({ Encrypted: 'true' }));
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  const block = Buffer.alloc(4096);
  CONTENT.copy(block);
  await client.write(0, block, { fua: true });
  await client.disconnect();
  secrets.set('the secret of an export', Buffer.from(exported.Psk, 'hex'));
  secrets.set('the secret of an AccessKey', Buffer.from(server.credentials.accessKeySecret));
  secrets.set('the content of a disk', CONTENT);
  await server.kill('SIGTERM');
  earlier = path.join(scratch.path, 'earlier');
  cpSync(server.dataDirectory, earlier, { recursive: true });
  using trust = await RootOfTrust.open(trustParts(earlier), { databaseExists: true });
  const store = await KeyStore.open(earlier, trust.keyring.sealer('keys'));
  for (const keyVersionId of await store.list()) {
    const { material } = await store.read(keyVersionId);
    secrets.set(`key material ${keyVersionId}`, Buffer.from(material.reveal()));
  }
  for (const { number, key } of trust.keyring.storeKeys) secrets.set(`store key ${number}`, Buffer.from(key));
  await server.start();
  await server.json('root-key', 'rotate');
});
after(async () => {
  await server[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

/** A thief's copy of some of it. */
function stolen(name: string, from: string, ...left: readonly string[]): string {
  const directory = path.join(scratch.path, name);
  cpSync(from, directory, { recursive: true });
  for (const file of left) rmSync(path.join(directory, file), { recursive: true, force: true });
  return directory;
}

const open = (directory: string): Promise<RootOfTrust> =>
  RootOfTrust.open(trustParts(directory), { databaseExists: true });

test('the data directory without the root key shows no secret and opens nothing', async () => {
  const directory = stolen('without-root-key', earlier, 'root.key', 'credentials.json');
  assert.ok(secrets.size >= 7, [...secrets.keys()].join(', '));
  for (const [name, secret] of secrets)
    for (const form of [secret, Buffer.from(secret.toString('hex')), Buffer.from(secret.toString('base64'))])
      assert.deepEqual(filesWith(directory, form), [], name);
  await assert.rejects(open(directory), { code: 'ROOT_KEY_MISSING' });
  // The search finds what is there: with the first AccessKey's file, its secret.
  assert.equal(filesWith(earlier, secrets.get('the secret of an AccessKey') ?? CONTENT).length, 1);
});

test('the database alone, or under a keyring of the thief, opens nothing', async () => {
  const directory = path.join(scratch.path, 'database-alone');
  mkdirSync(directory);
  cpSync(path.join(earlier, 'metadata.db'), path.join(directory, 'metadata.db'));
  await assert.rejects(open(directory), { code: 'KEYRING_MISSING' });
  const file = path.join(directory, 'metadata.db');
  const own = path.join(scratch.path, 'own');
  mkdirSync(own);
  using trust = await RootOfTrust.open(trustParts(own), { databaseExists: false });
  await assert.rejects(Database.open({ file, rowKeys: trust.keyring.rowKeys }), { code: 'ROOT_KEY_MISMATCH' });
});

test('an earlier backup does not open with the root key of today', async () => {
  const directory = stolen('earlier-with-new-root-key', earlier, 'root.key');
  cpSync(path.join(server.dataDirectory, 'root.key'), path.join(directory, 'root.key'));
  await assert.rejects(open(directory), { code: 'ROOT_KEY_MISMATCH' });
});

test('what is stored today does not open with the root key of an earlier backup, or with its keyring', async () => {
  const directory = stolen('today', server.dataDirectory, 'root.key');
  cpSync(path.join(earlier, 'root.key'), path.join(directory, 'root.key'));
  await assert.rejects(open(directory), { code: 'ROOT_KEY_MISMATCH' });
  cpSync(path.join(earlier, 'keyring'), path.join(directory, 'keyring'));
  using trust = await open(directory);
  const file = path.join(directory, 'metadata.db');
  await assert.rejects(Database.open({ file, rowKeys: trust.keyring.rowKeys }), { code: 'ROOT_KEY_MISMATCH' });
  const store = await KeyStore.open(directory, trust.keyring.sealer('keys'));
  const [keyVersionId = ''] = await store.list();
  await assert.rejects(store.read(keyVersionId), { code: 'SEALED_BYTES_DAMAGED' });
});

test('a backup of keys shows no secret', async () => {
  const [file, passphrase] = [path.join(scratch.path, 'keys.backup'), path.join(scratch.path, 'passphrase')];
  writeFileSync(passphrase, 'a passphrase for backups');
  await server.json('keys', 'backup', file, '--passphrase-file', passphrase);
  const content = readFileSync(file);
  for (const [name, secret] of secrets)
    for (const form of [secret, Buffer.from(secret.toString('hex')), Buffer.from(secret.toString('base64'))])
      assert.ok(!content.includes(form), name);
});

test('the control plane leaves no core dump', () => {
  assert.match(readFileSync(`/proc/${server.pid}/limits`, 'utf8'), /Max core file size\s+0\s+0/);
});
