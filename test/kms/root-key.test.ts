import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { loadLibgcrypt } from '../../src/crypto/libgcrypt.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { openPassphraseRoot } from '../../src/kms/passphrase-root.ts';
import { openRootKey, RootKey } from '../../src/kms/root-key.ts';

const ciphers = nodeCipherBackend();
const SECRET = Buffer.from('a secret of some length');

async function directory(): Promise<{ path: string } & AsyncDisposable> {
  const made = await mkdtemp(path.join(tmpdir(), 'sealdisk-root-'));
  return { path: made, [Symbol.asyncDispose]: () => rm(made, { recursive: true }) };
}

test('the first start makes a root key of 32 random bytes that only its owner can read', async () => {
  await using dir = await directory();
  using first = await openRootKey(ciphers, systemRandom, { directory: dir.path, databaseExists: false });
  const file = path.join(dir.path, 'root.key');
  const { mode, size } = await stat(file);
  assert.equal(mode & 0o777, 0o600);
  assert.equal(size, 32);
  const sealed = first.sealer.seal('x', SECRET);
  using again = await openRootKey(ciphers, systemRandom, { directory: dir.path, databaseExists: true });
  assert.deepEqual(Buffer.from(again.sealer.open('x', sealed)), SECRET);
  assert.deepEqual(again.rowMacKey, first.rowMacKey);
});

test('a database without its root key is refused and no other root key is made', async () => {
  await using dir = await directory();
  const open = openRootKey(ciphers, systemRandom, { directory: dir.path, databaseExists: true });
  await assert.rejects(open, { kind: 'conflict', code: 'ROOT_KEY_MISSING' });
  await assert.rejects(stat(path.join(dir.path, 'root.key')), { code: 'ENOENT' });
});

for (const mode of [0o640, 0o604, 0o660]) {
  test(`a root key of mode ${mode.toString(8)}, which others may read, is refused`, async () => {
    await using dir = await directory();
    await writeFile(path.join(dir.path, 'root.key'), new Uint8Array(32));
    await chmod(path.join(dir.path, 'root.key'), mode);
    const open = openRootKey(ciphers, systemRandom, { directory: dir.path, databaseExists: true });
    await assert.rejects(open, { kind: 'denied', code: 'ROOT_KEY_EXPOSED' });
  });
}

test('a root key that is a link or has another size is refused', async () => {
  await using dir = await directory();
  const file = path.join(dir.path, 'root.key');
  await writeFile(`${file}.elsewhere`, new Uint8Array(32), { mode: 0o600 });
  await symlink(`${file}.elsewhere`, file);
  const options = { directory: dir.path, databaseExists: true };
  await assert.rejects(openRootKey(ciphers, systemRandom, options), { code: 'ROOT_KEY_EXPOSED' });
  await unlink(file);
  await writeFile(file, new Uint8Array(32), { mode: 0o600 });
  await truncate(file, 31);
  await assert.rejects(openRootKey(ciphers, systemRandom, options), { code: 'ROOT_KEY_SIZE' });
});

test('what is sealed opens only in its own context, unchanged, and under its own root key', () => {
  const { sealer } = new RootKey(ciphers, systemRandom, new Uint8Array(32).fill(1));
  const other = new RootKey(ciphers, systemRandom, new Uint8Array(32).fill(2));
  const sealed = sealer.seal('access-key:A', SECRET);
  assert.deepEqual(Buffer.from(sealer.open('access-key:A', sealed)), SECRET);
  assert.throws(() => sealer.open('access-key:B', sealed), { kind: 'corrupt', code: 'SEALED_BYTES_DAMAGED' });
  assert.throws(() => other.sealer.open('access-key:A', sealed), { kind: 'corrupt' });
  for (let index = 0; index < sealed.length; index++) {
    const changed = Uint8Array.from(sealed);
    changed[index] = (changed[index] ?? 0) ^ 0x10;
    assert.throws(() => sealer.open('access-key:A', changed), { kind: 'corrupt' }, `byte ${index}`);
  }
  for (const length of [0, 1, 48, sealed.length - 1])
    assert.throws(() => sealer.open('access-key:A', sealed.subarray(0, length)), { kind: 'corrupt' });
});

test('sealing twice gives different bytes, and neither holds the secret', () => {
  const { sealer } = new RootKey(ciphers, systemRandom, new Uint8Array(32).fill(1));
  const [one, two] = [sealer.seal('x', SECRET), sealer.seal('x', SECRET)];
  assert.notDeepEqual(one, two);
  assert.ok(!Buffer.from(one).includes(SECRET.subarray(0, 8)));
});

test('sealed bytes of version 1 open for ever, with either cipher library', () => {
  // docs/formats/root-key.md: root key 01 × 32, context "golden", salt aa × 32, plaintext "sealdisk".
  const golden =
    '01aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa2af024c6d9da418154a273797caa91d0eaa8da346aa90a15';
  for (const backend of [ciphers, loadLibgcrypt()]) {
    const root = new RootKey(
      backend,
      { bytes: (length) => new Uint8Array(length).fill(0xaa) },
      new Uint8Array(32).fill(1),
    );
    assert.equal(Buffer.from(root.sealer.seal('golden', Buffer.from('sealdisk'))).toString('hex'), golden);
    assert.equal(Buffer.from(root.sealer.open('golden', Buffer.from(golden, 'hex'))).toString(), 'sealdisk');
    assert.equal(
      Buffer.from(root.rowMacKey).toString('hex'),
      '6bfb36f373715fa706577a6dcd2b5095201cc6cf2ab4181e1a661901efbbb356',
    );
  }
});

test('a passphrase opens the root key that it sealed, and a wrong one is refused as such', async () => {
  await using dir = await directory();
  const file = path.join(dir.path, 'root.sealed');
  const right = path.join(dir.path, 'right');
  const wrong = path.join(dir.path, 'wrong');
  await writeFile(right, 'correct horse battery\n');
  await writeFile(wrong, 'correct horse batterz\n');
  const cheap = { n: 1024, r: 8, p: 1 };
  const made = await openPassphraseRoot(ciphers, systemRandom, { file, exists: false, passphraseFile: right }, cheap);
  const open = (passphraseFile: string) =>
    openPassphraseRoot(ciphers, systemRandom, { file, exists: true, passphraseFile });
  assert.deepEqual(Uint8Array.from(await open(right)), Uint8Array.from(made));
  await writeFile(right, 'correct horse battery');
  assert.deepEqual(Uint8Array.from(await open(right)), Uint8Array.from(made), 'a final line break does not count');
  await assert.rejects(open(wrong), { kind: 'denied', code: 'ROOT_PASSPHRASE_WRONG' });
  assert.equal((await stat(file)).mode & 0o777, 0o600);

  const stored = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
  for (const change of [
    { n: 2048 },
    { salt: '00'.repeat(32) },
    { sealedRootKey: `${String(stored['sealedRootKey']).slice(0, -2)}00` },
  ]) {
    await writeFile(file, JSON.stringify({ ...stored, ...change }));
    await assert.rejects(open(right), { code: 'ROOT_PASSPHRASE_WRONG' });
  }
  for (const change of [{ version: 2 }, { n: 2 ** 40 }, { n: 1000 }, { p: 100 }, { salt: 'zz' }, { kdf: 'none' }]) {
    await writeFile(file, JSON.stringify({ ...stored, ...change }));
    await assert.rejects(open(right), { kind: 'corrupt', code: 'ROOT_KEY_FILE_DAMAGED' });
  }
  for (const content of ['', 'null', '[]', 'not json']) {
    await writeFile(file, content);
    await assert.rejects(open(right), { code: 'ROOT_KEY_FILE_DAMAGED' });
  }
});

test('a data directory keeps to its way of holding the root key, and says which that is', async () => {
  await using dir = await directory();
  const passphraseFile = path.join(dir.path, 'pass');
  await writeFile(passphraseFile, 'twelve bytes or more');
  const options = { directory: dir.path, passphraseFile, databaseExists: false };
  using made = await openRootKey(ciphers, systemRandom, options);
  using again = await openRootKey(ciphers, systemRandom, { ...options, databaseExists: true });
  assert.deepEqual(again.rowMacKey, made.rowMacKey);
  const without = openRootKey(ciphers, systemRandom, { directory: dir.path, databaseExists: true });
  await assert.rejects(without, { code: 'ROOT_KEY_AMBIGUOUS', message: /set SEALDISK_PASSPHRASE_FILE/ });

  await using other = await directory();
  using _file = await openRootKey(ciphers, systemRandom, { directory: other.path, databaseExists: false });
  const both = openRootKey(ciphers, systemRandom, { directory: other.path, passphraseFile, databaseExists: true });
  await assert.rejects(both, { code: 'ROOT_KEY_AMBIGUOUS', message: /unset SEALDISK_PASSPHRASE_FILE/ });
});

test('a passphrase that is short or cannot be read is refused before anything is written', async () => {
  await using dir = await directory();
  const passphraseFile = path.join(dir.path, 'pass');
  const open = () => openRootKey(ciphers, systemRandom, { directory: dir.path, passphraseFile, databaseExists: false });
  await assert.rejects(open(), { kind: 'invalid', code: 'ROOT_PASSPHRASE_UNUSABLE' });
  await writeFile(passphraseFile, 'short\n');
  await assert.rejects(open(), { kind: 'invalid', code: 'ROOT_PASSPHRASE_UNUSABLE' });
  await assert.rejects(stat(path.join(dir.path, 'root.sealed')), { code: 'ENOENT' });
});
