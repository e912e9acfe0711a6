// A server whose audit log finds no room: on a file system of its own that really is full.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { RpcRefusal } from '../../src/api/rpc-client.ts';
import { Api } from '../support/api.ts';
import { SKIP_MOUNT, SmallMount } from '../support/small-mount.ts';
import { TestServer, until } from '../support/start-server.ts';

/** Takes every byte; answers what to remove. */
function fillUp(mount: string): string {
  const file = path.join(mount, 'filler');
  const { bavail, bsize } = statfsSync(mount);
  writeFileSync(file, Buffer.alloc(bavail * bsize, 1));
  return file;
}

const refusal = async (call: Promise<unknown>): Promise<string> => {
  const error = await call.then(() => undefined).catch((reason: unknown) => reason);
  return error instanceof RpcRefusal ? `${error.httpStatus} ${error.code}` : 'no refusal';
};

test(
  'without room for the log nothing is changed and no key is used, reads go on, and it heals by itself',
  { skip: SKIP_MOUNT },
  async () => {
    // Only the log lies there: the database and the keys have all the room they want.
    using mount = SmallMount.make('size=1m');
    assert.ok(mount !== undefined);
    await using server = await TestServer.start();
    await server.kill('SIGTERM');
    const folder = path.join(server.dataDirectory, 'audit');
    rmSync(folder, { recursive: true });
    mkdirSync(path.join(mount.path, 'log'), { mode: 0o700 });
    symlinkSync(path.join(mount.path, 'log'), folder);
    await server.start();

    const api = new Api(server);
    await api.openKms();
    const keyId = await api.createKey();
    const { CiphertextBlob } = await api.call<{ CiphertextBlob: string }>('kms', 'GenerateDataKey', { KeyId: keyId });
    const diskId = await api.createDisk({ Encrypted: 'true' });
    const count = async (): Promise<number> => (await api.call<{ TotalCount: number }>('kms', 'ListKeys')).TotalCount;
    const keys = await count();

    const filler = fillUp(mount.path);
    // The last page of the file still takes some records.
    await until('the log to be full', async () =>
      (await refusal(api.call('ecs', 'DeleteDisk', { DiskId: 'x' }))).startsWith('503'),
    );
    assert.equal(await refusal(api.createKey()), '503 ServiceUnavailableTemporary');
    assert.equal(await refusal(api.createDisk()), '503 ServiceUnavailable');
    assert.equal(
      await refusal(api.call('kms', 'GenerateDataKey', { KeyId: keyId })),
      '503 ServiceUnavailableTemporary',
    );
    assert.equal(await refusal(api.call('kms', 'Decrypt', { CiphertextBlob })), '503 ServiceUnavailableTemporary');
    assert.equal(await refusal(api.exportDisk(diskId)), '503 ServiceUnavailable');
    assert.equal(await refusal(api.call('kms', 'DisableKey', { KeyId: keyId })), '503 ServiceUnavailableTemporary');
    assert.equal(await count(), keys, 'reads go on, and nothing was made');
    const { KeyMetadata } = await api.call<{ KeyMetadata: { KeyState: string } }>('kms', 'DescribeKey', {
      KeyId: keyId,
    });
    assert.equal(KeyMetadata.KeyState, 'Enabled');
    const { code: adminCode, stderr } = await server.sealdisk('account', 'create');
    assert.notEqual(adminCode, 0);
    assert.match(stderr, /AUDIT_UNAVAILABLE/);

    rmSync(filler);
    await api.createKey();
    assert.equal(await count(), keys + 1);
    const exported = await api.exportDisk(diskId);
    await api.unexport(exported.ExportId);
    const { code, stdout } = await server.sealdisk('audit', 'verify');
    assert.match(stdout, /records were not written/);
    // The folder was moved by this test, which the database noticed.
    assert.equal(code, 1);
    assert.equal(stdout.split('\n').filter((line) => /^ {2}(?!note)/.test(line)).length, 1, stdout);
    assert.match(stdout, /which this database belongs to, was missing/);
  },
);

test(
  'a server starts on a full file system of its log, and refuses until there is room',
  { skip: SKIP_MOUNT },
  async () => {
    using mount = SmallMount.make('size=1m');
    assert.ok(mount !== undefined);
    await using server = await TestServer.start();
    const api = new Api(server);
    await server.kill('SIGTERM');
    const folder = path.join(server.dataDirectory, 'audit');
    const moved = path.join(mount.path, 'log');
    const { cpSync } = await import('node:fs');
    cpSync(folder, moved, { recursive: true });
    rmSync(folder, { recursive: true });
    symlinkSync(moved, folder);
    const filler = fillUp(mount.path);
    await server.start();
    await until('the log to be full', async () =>
      (await refusal(api.call('ecs', 'DeleteDisk', { DiskId: 'x' }))).startsWith('503'),
    );
    assert.equal(await refusal(api.call('sts', 'GetCallerIdentity')), 'no refusal');
    rmSync(filler);
    await api.openKms();
    assert.equal((await server.sealdisk('audit', 'verify')).code, 0);
  },
);
