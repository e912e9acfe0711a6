// A rotation whose write of the keyring fails: before it can have had an effect, and after.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';

import { tempDir } from '../metadata/support.ts';
import { openTestInstallation, stock, takeStock } from './open-test-installation.ts';

/** Asked before each call; throws in its place. */
let fail: (call: string, file: string) => void = () => undefined;

const { open, rename } = fs;
fs.open = async (...args) => {
  fail('open', String(args[0]));
  return open(...args);
};
fs.rename = async (...args) => {
  fail('rename', String(args[1]));
  return rename(...args);
};
syncBuiltinESMExports();

const broken = (): Error => Object.assign(new Error('input/output error'), { code: 'EIO' });

test('a keyring that could not be written is certainly the earlier one, and the rotation can be tried again', async () => {
  using dir = tempDir();
  await using t = await openTestInstallation(dir.path);
  const inventory = await stock(t);
  const { rootKeyId } = t.trust;
  fail = (call, file) => {
    if (call === 'rename' && file.endsWith('/keyring')) throw broken();
  };
  await assert.rejects(t.trust.rotate(), { code: 'EIO' });
  fail = () => undefined;
  assert.equal(t.trust.rootKeyId, rootKeyId);
  assert.deepEqual(await takeStock(t, inventory), inventory);
  await t.trust.rotate();
  await t.resealing.run();
  assert.notEqual(t.trust.rootKeyId, rootKeyId);
  assert.deepEqual(await takeStock(t, inventory), inventory);
});

test('a keyring of which nobody knows whether it was written is changed no more, until a restart finds out', async () => {
  using dir = tempDir();
  let inventory;
  {
    await using t = await openTestInstallation(dir.path);
    inventory = await stock(t);
    let isRenamed = false;
    fail = (call, file) => {
      if (call === 'rename' && file.endsWith('/keyring')) isRenamed = true;
      // The sync of the directory behind the rename.
      if (call === 'open' && file === dir.path && isRenamed) throw broken();
    };
    await assert.rejects(t.trust.rotate(), { code: 'EIO' });
    fail = () => undefined;
    await assert.rejects(t.trust.rotate(), { kind: 'conflict', code: 'KEYRING_UNCERTAIN' });
    await assert.rejects(t.trust.renew('keys'), { code: 'KEYRING_UNCERTAIN' });
    assert.deepEqual(await takeStock(t, inventory), inventory, 'everything else goes on');
  }
  await using t = await openTestInstallation(dir.path);
  assert.deepEqual(await takeStock(t, inventory), inventory);
  await t.resealing.run();
  await t.trust.rotate();
  await t.resealing.run();
  assert.equal(t.trust.keyring.storeKeys.length, 3);
  assert.deepEqual(await takeStock(t, inventory), inventory);
});
