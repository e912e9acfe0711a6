import assert from 'node:assert/strict';
import { chmod, readdir, stat, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';

import { FileProvider } from '../../src/root/file-provider.ts';
import { rootKeyContext, rootKeyId } from '../../src/root/root-key.ts';
import { tempDir } from '../metadata/support.ts';
import { providerSuite } from './provider-suite.ts';

providerSuite('a file', {
  isFile: true,
  make: async () => {
    const directory = tempDir();
    return {
      open: () => new FileProvider(directory.path),
      [Symbol.asyncDispose]: async () => directory[Symbol.dispose](),
    };
  },
});

const FIRST = new Uint8Array(32).fill(1);
const SECOND = new Uint8Array(32).fill(2);
const contextOf = (key: Uint8Array): string => rootKeyContext(rootKeyId(key));
const RECORD = { kind: 'file' } as const;

async function settled(directory: string, key = FIRST): Promise<FileProvider> {
  const provider = new FileProvider(directory);
  await provider.wrap(contextOf(key), key);
  await provider.settle(contextOf(key));
  return provider;
}

test('the root key is a file of 32 bytes that only its owner can read', async () => {
  using dir = tempDir();
  await settled(dir.path);
  const { mode, size } = await stat(path.join(dir.path, 'root.key'));
  assert.deepEqual([mode & 0o777, size], [0o600, 32]);
  assert.deepEqual(await readdir(dir.path), ['root.key']);
});

test('until a new root key is settled both it and the earlier one are found, afterwards only the new one', async () => {
  using dir = tempDir();
  const provider = await settled(dir.path);
  await provider.wrap(contextOf(SECOND), SECOND);
  assert.deepEqual(await provider.unwrap(contextOf(FIRST), RECORD), FIRST);
  assert.deepEqual(await provider.unwrap(contextOf(SECOND), RECORD), SECOND);
  await provider.settle(contextOf(SECOND));
  await assert.rejects(provider.unwrap(contextOf(FIRST), RECORD), { code: 'ROOT_KEY_MISMATCH' });
  assert.deepEqual(await provider.unwrap(contextOf(SECOND), RECORD), SECOND);
  assert.deepEqual(await readdir(dir.path), ['root.key']);
});

test('a new root key that no keyring names is removed', async () => {
  using dir = tempDir();
  const provider = await settled(dir.path);
  await provider.wrap(contextOf(SECOND), SECOND);
  await provider.settle(contextOf(FIRST));
  assert.deepEqual(await readdir(dir.path), ['root.key']);
  assert.deepEqual(await provider.unwrap(contextOf(FIRST), RECORD), FIRST);
});

test('once another provider keeps the root key no file of it is left', async () => {
  using dir = tempDir();
  const provider = await settled(dir.path);
  await provider.wrap(contextOf(SECOND), SECOND);
  await provider.release();
  assert.deepEqual(await readdir(dir.path), []);
  await assert.rejects(provider.unwrap(contextOf(FIRST), RECORD), { kind: 'conflict', code: 'ROOT_KEY_MISSING' });
});

for (const mode of [0o640, 0o604, 0o660]) {
  test(`a root key of mode ${mode.toString(8)}, which others may read, is refused`, async () => {
    using dir = tempDir();
    const provider = await settled(dir.path);
    await chmod(path.join(dir.path, 'root.key'), mode);
    await assert.rejects(provider.unwrap(contextOf(FIRST), RECORD), { code: 'ROOT_KEY_EXPOSED' });
  });
}

test('a root key that is a link or has another size is refused', async () => {
  using dir = tempDir();
  const provider = await settled(dir.path);
  const file = path.join(dir.path, 'root.key');
  await truncate(file, 31);
  await assert.rejects(provider.unwrap(contextOf(FIRST), RECORD), { code: 'ROOT_KEY_SIZE' });
  await unlink(file);
  await writeFile(`${file}.elsewhere`, FIRST, { mode: 0o600 });
  await symlink(`${file}.elsewhere`, file);
  await assert.rejects(provider.unwrap(contextOf(FIRST), RECORD), { code: 'ROOT_KEY_EXPOSED' });
});
