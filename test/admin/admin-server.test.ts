import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { callAdmin } from '../../src/admin/admin-client.ts';
import { adminSocket } from '../../src/admin/admin-protocol.ts';
import { AdminServer } from '../../src/admin/admin-server.ts';
import { silentLogger } from '../../src/base/log.ts';
import { makeRuntimeDirectory } from '../../src/base/system-runtime-directory.ts';
import { tempDir } from '../metadata/support.ts';

async function openAdmin(): Promise<{ readonly admin: AdminServer; readonly directory: string } & AsyncDisposable> {
  const temporary = tempDir();
  const directory = path.join(temporary.path, 'data');
  mkdirSync(directory);
  makeRuntimeDirectory(directory);
  const admin = new AdminServer(silentLogger);
  await admin.listen(adminSocket(directory));
  return {
    admin,
    directory,
    [Symbol.asyncDispose]: async () => {
      await admin.close();
      temporary[Symbol.dispose]();
    },
  };
}

test('a server that starts, is sealed or does not know an operation says which', async () => {
  await using t = await openAdmin();
  const call = () => callAdmin(t.directory, 'createAccount', {});
  await assert.rejects(call(), { kind: 'unavailable', code: 'STARTING' });
  t.admin.offer('sealed', {});
  await assert.rejects(call(), { kind: 'unavailable', code: 'SEALED', message: /sealdisk unseal/ });
  t.admin.offer('open', {});
  await assert.rejects(call(), { kind: 'not-found', code: 'UNKNOWN_OPERATION' });
});

test('a secret arrives as bytes, whatever it is made of, and is wiped when the operation is over', async () => {
  await using t = await openAdmin();
  const secret = Buffer.from([0, 10, 13, 34, 123, 255, 10]);
  let seen: Uint8Array | undefined;
  let copy = '';
  t.admin.offer('open', {
    unseal: async (_input, given) => {
      seen = given;
      copy = Buffer.from(given ?? []).toString('hex');
      return { provider: 'passphrase' };
    },
  });
  assert.deepEqual(await callAdmin(t.directory, 'unseal', {}, secret), { provider: 'passphrase' });
  assert.equal(copy, secret.toString('hex'));
  assert.deepEqual(seen, new Uint8Array(secret.length));
  await callAdmin(t.directory, 'unseal', {});
  assert.equal(seen, undefined);
});

test('what an operation refuses reaches the caller with its kind and code', async () => {
  await using t = await openAdmin();
  t.admin.offer('open', {
    rootKey: () => {
      throw new TypeError('a bug');
    },
  });
  await assert.rejects(callAdmin(t.directory, 'rootKey', {}), { kind: 'internal', code: 'INTERNAL' });
});
