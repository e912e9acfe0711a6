import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { RootOfTrust, staysSealed } from '../../src/root/root-of-trust.ts';
import { tempDir } from '../metadata/support.ts';
import { openTestInstallation, PASSPHRASE, stock, takeStock } from './open-test-installation.ts';
import { openTestTrust, trustParts } from './open-test-trust.ts';

const reopen = (directory: string, passphrase?: Uint8Array): Promise<RootOfTrust> =>
  RootOfTrust.open(trustParts(directory), { databaseExists: true, passphrase });

test('the first start makes a root key and a keyring of three store keys that only their owner can read', async () => {
  using dir = tempDir();
  using first = await openTestTrust(dir.path);
  assert.deepEqual(readdirSync(dir.path).toSorted(), ['keyring', 'root.key']);
  for (const file of ['keyring', 'root.key'])
    assert.equal(statSync(path.join(dir.path, file)).mode & 0o777, 0o600, file);
  assert.deepEqual(
    first.keyring.storeKeys.map(({ number, purpose }) => [number, purpose]),
    [
      [1, 'disks'],
      [2, 'rows'],
      [3, 'keys'],
    ],
  );
  const sealed = first.keyring.sealer('rows').seal('x', Buffer.from('secret'));
  using again = await reopen(dir.path);
  assert.equal(Buffer.from(again.keyring.sealer('rows').open('x', sealed)).toString(), 'secret');
  assert.equal(again.rootKeyId, first.rootKeyId);
});

test('a database without its keyring, or a root key without one, is refused and nothing is made', async () => {
  using dir = tempDir();
  await assert.rejects(reopen(dir.path), { kind: 'conflict', code: 'KEYRING_MISSING' });
  assert.deepEqual(readdirSync(dir.path), []);
  writeFileSync(path.join(dir.path, 'root.key'), new Uint8Array(32), { mode: 0o600 });
  await assert.rejects(openTestTrust(dir.path), { kind: 'conflict', code: 'KEYRING_MISSING' });
  assert.deepEqual(readdirSync(dir.path), ['root.key']);
});

test('a keyring without its root key, or with another one, is refused and no new one is made', async () => {
  using dir = tempDir();
  (await openTestTrust(dir.path))[Symbol.dispose]();
  const file = path.join(dir.path, 'root.key');
  writeFileSync(file, new Uint8Array(32).fill(9));
  await assert.rejects(reopen(dir.path), { kind: 'conflict', code: 'ROOT_KEY_MISMATCH' });
  rmSync(file);
  await assert.rejects(reopen(dir.path), { kind: 'conflict', code: 'ROOT_KEY_MISSING' });
  assert.deepEqual(readdirSync(dir.path), ['keyring']);
});

test('a keyring of which any byte was changed is refused, and so is a link in its place', async () => {
  using dir = tempDir();
  (await openTestTrust(dir.path))[Symbol.dispose]();
  const file = path.join(dir.path, 'keyring');
  const content = readFileSync(file);
  for (let at = 0; at < content.length; at++) {
    const changed = Buffer.from(content);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(file, changed);
    await assert.rejects(
      reopen(dir.path),
      (error: Error & { kind?: string }) => error.kind !== undefined,
      `byte ${at}`,
    );
  }
  rmSync(file);
  writeFileSync(`${file}.elsewhere`, content);
  symlinkSync(`${file}.elsewhere`, file);
  await assert.rejects(reopen(dir.path), { code: 'NOT_A_FILE' });
});

test('a rotation makes another root key, keeps everything open, and the earlier root key opens nothing any more', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t);
  const [before, rootKey] = [t.trust.rootKeyId, readFileSync(path.join(dir.path, 'root.key'))];
  await t.trust.rotate();
  assert.notEqual(t.trust.rootKeyId, before);
  assert.deepEqual(await takeStock(t, inventory), inventory, 'while nothing is sealed anew yet');
  await t.resealing.run();
  assert.deepEqual(await takeStock(t, inventory), inventory);
  assert.equal(existsSync(path.join(dir.path, 'root.key.next')), false);
  using other = tempDir();
  cpSync(path.join(dir.path, 'keyring'), path.join(other.path, 'keyring'));
  writeFileSync(path.join(other.path, 'root.key'), rootKey, { mode: 0o600 });
  await assert.rejects(reopen(other.path), { code: 'ROOT_KEY_MISMATCH' });
});

test('the root key moves from a file to a passphrase and back, and each time the former keeping is over', async () => {
  using dir = tempDir();
  let inventory;
  {
    await using t = await openTestInstallation(dir.path);
    inventory = await stock(t);
    await t.trust.rotate({ kind: 'passphrase', passphrase: PASSPHRASE });
    assert.equal(t.trust.provider, 'passphrase');
    assert.equal(existsSync(path.join(dir.path, 'root.key')), false);
    await t.resealing.run();
  }
  await assert.rejects(reopen(dir.path), { kind: 'denied', code: 'SEALED' });
  await assert.rejects(reopen(dir.path, Buffer.from('another passphrase')), { code: 'ROOT_PASSPHRASE_WRONG' });
  {
    await using t = await openTestInstallation(dir.path, { passphrase: PASSPHRASE });
    assert.deepEqual(await takeStock(t, inventory), inventory);
    await t.trust.rotate({ kind: 'file' });
    assert.ok(existsSync(path.join(dir.path, 'root.key')));
  }
  await using t = await openTestInstallation(dir.path);
  assert.deepEqual(await takeStock(t, inventory), inventory);
});

test('a rotation that the provider refuses changes nothing', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t);
  const files = () => ['keyring', 'root.key'].map((name) => readFileSync(path.join(dir.path, name)).toString('hex'));
  const before = files();
  await assert.rejects(t.trust.rotate({ kind: 'pkcs11' }), { kind: 'invalid', code: 'ROOT_PROVIDER_UNSET' });
  await assert.rejects(t.trust.rotate({ kind: 'kms' }), { kind: 'invalid', code: 'ROOT_PROVIDER_UNSET' });
  const short = t.trust.rotate({ kind: 'passphrase', passphrase: Buffer.from('short') });
  await assert.rejects(short, { code: 'PASSPHRASE_TOO_SHORT' });
  assert.deepEqual(files(), before);
  assert.deepEqual(await takeStock(t, inventory), inventory);
});

test('a keyring that belongs to another database is found out before an earlier root key is let go', async () => {
  using dir = tempDir();
  using other = tempDir();
  await (await openTestInstallation(dir.path))[Symbol.asyncDispose]();
  await (await openTestInstallation(other.path))[Symbol.asyncDispose]();
  for (const file of ['keyring', 'root.key']) cpSync(path.join(other.path, file), path.join(dir.path, file));
  writeFileSync(path.join(dir.path, 'root.key.next'), new Uint8Array(32), { mode: 0o600 });
  await assert.rejects(openTestInstallation(dir.path), { kind: 'conflict', code: 'ROOT_KEY_MISMATCH' });
  assert.ok(existsSync(path.join(dir.path, 'root.key.next')), 'it may be the one that is needed');
});

test('a keeper that does not give back what it was given is found out before anything changes', async () => {
  using dir = tempDir();
  const answers = { KeyId: 'k', CiphertextBlob: 'b', Plaintext: Buffer.alloc(32, 7).toString('base64') };
  const forgetful = createServer((_request, response) => response.end(JSON.stringify(answers)));
  await new Promise<void>((resolve) => forgetful.listen(0, '127.0.0.1', resolve));
  const address = forgetful.address();
  assert.ok(typeof address === 'object' && address !== null);
  const accessKeyFile = path.join(dir.path, 'access-key.json');
  writeFileSync(accessKeyFile, JSON.stringify({ accessKeyId: 'a', accessKeySecret: 's' }));
  const kms = { endpoint: `http://127.0.0.1:${address.port}`, keyId: 'k', accessKeyFile };
  using other = tempDir();
  const made = RootOfTrust.open(trustParts(other.path, { provider: 'kms', kms }), { databaseExists: false });
  await assert.rejects(made, { kind: 'internal', code: 'PROVIDER_UNFAITHFUL' });
  assert.deepEqual(readdirSync(other.path), []);
  forgetful.closeAllConnections();
  await new Promise<void>((resolve) => forgetful.close(() => resolve()));
});

test('a server waits for what keeps its root key, and for nothing else', () => {
  for (const [kind, code] of [
    ['denied', 'SEALED'],
    ['denied', 'ROOT_PASSPHRASE_WRONG'],
    ['denied', 'PKCS11_REFUSED'],
    ['unavailable', 'PKCS11_TOKEN_MISSING'],
    ['unavailable', 'ROOT_KMS_UNAVAILABLE'],
  ] as const)
    assert.ok(staysSealed(new SystemError(kind, code, '')), code);
  for (const [kind, code] of [
    ['unavailable', 'DATABASE_BUSY'],
    ['corrupt', 'SEALED_BYTES_DAMAGED'],
    ['conflict', 'ROOT_KEY_MISMATCH'],
    ['invalid', 'ROOT_PROVIDER_UNSET'],
  ] as const)
    assert.equal(staysSealed(new SystemError(kind, code, '')), false, code);
  assert.equal(staysSealed(new Error('else')), false);
});
