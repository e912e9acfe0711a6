// A key whose material the test knows, because it made it: driven by the vendor's SDK from its import to its destruction,
// and then looked for in every file and in the memory of both programs.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import * as kms from '@alicloud/kms20160120';

import { NbdClient } from '../../src/nbd/client.ts';
import { wrapFor } from '../kms/wrap-for.ts';
import { Api, REGION, unixAddress } from '../support/api.ts';
import { filesWith } from '../support/files-with.ts';
import { countInMemory } from '../support/process-memory.ts';
import { kmsClient, popClient } from '../support/sdk-clients.ts';
import { TestServer } from '../support/start-server.ts';

type Fields = Readonly<Record<string, string>>;
const fieldsOf = (answer: unknown): Fields => answer as Fields;
const metadataOf = (answer: unknown): Fields => fieldsOf((answer as { keyMetadata?: unknown }).keyMetadata);

test('a key that the SDK imports, uses and deletes is in no file and in no memory when its window is over', async () => {
  await using server = await TestServer.start({ args: ['--test-clock'] });
  await popClient(server.endpoint, '2016-01-20').request('OpenKmsService', { RegionId: REGION }, { method: 'POST' });
  const client = kmsClient(server.endpoint);
  const created = metadataOf(await client.createKey(new kms.CreateKeyRequest({ origin: 'EXTERNAL' } as never)));
  const { keyId = '', primaryKeyVersion = '' } = created;
  const wrapping = { keyId, wrappingAlgorithm: 'RSAES_OAEP_SHA_256', wrappingKeySpec: 'RSA_2048' };
  const { publicKey = '', importToken } = fieldsOf(
    await client.getParametersForImport(new kms.GetParametersForImportRequest(wrapping as never)),
  );
  const material = randomBytes(32);
  const wrapped = wrapFor(Buffer.from(publicKey, 'base64'), 'RSAES_OAEP_SHA_256', material);
  const encryptedKeyMaterial = Buffer.from(wrapped).toString('base64');
  const importRequest = { keyId, importToken, encryptedKeyMaterial, keyMaterialExpireUnix: 0 };
  await client.importKeyMaterial(new kms.ImportKeyMaterialRequest(importRequest as never));
  const { ciphertextBlob } = fieldsOf(
    await client.encrypt(new kms.EncryptRequest({ keyId, plaintext: 'eA==' } as never)),
  );
  const decrypt = () => client.decrypt(new kms.DecryptRequest({ ciphertextBlob } as never));
  assert.equal(fieldsOf(await decrypt())['plaintext'], 'eA==');
  const sealed = readFileSync(path.join(server.dataDirectory, 'keys', primaryKeyVersion));
  assert.notDeepEqual(filesWith(server.dataDirectory, sealed.subarray(8, 40)), [], 'the search finds what is there');

  const schedule = new kms.ScheduleKeyDeletionRequest({ keyId, pendingWindowInDays: 7 } as never);
  await client.scheduleKeyDeletion(schedule);
  await client.cancelKeyDeletion(new kms.CancelKeyDeletionRequest({ keyId } as never));
  await client.scheduleKeyDeletion(schedule);
  await assert.rejects(decrypt(), { code: /^Rejected\.PendingDeletion/ });
  await server.json('clock', 'advance', '8d');
  await assert.rejects(decrypt(), { code: /^Forbidden\.KeyNotFound/ });
  await assert.rejects(client.describeKey(new kms.DescribeKeyRequest({ keyId } as never)), {
    code: /^Forbidden\.KeyNotFound/,
  });

  const { dataDirectory } = server;
  for (const form of [material, Buffer.from(material.toString('hex')), Buffer.from(material.toString('base64'))])
    assert.deepEqual(filesWith(dataDirectory, form), []);
  for (let at = 0; at + 32 <= sealed.length; at += 32)
    assert.deepEqual(filesWith(dataDirectory, sealed.subarray(at, at + 32)), []);
  if (process.getuid?.() !== 0) return;
  for (const pid of [server.pid, ...(await server.diskServerPids())]) assert.equal(countInMemory(pid, material), 0);
  assert.ok(countInMemory(process.pid, material) > 0, 'the search finds what is there');
});

test('M9: a disk and a snapshot under a destroyed key stay listed, never open again, and can be deleted', async () => {
  await using server = await TestServer.start({ args: ['--test-clock'] });
  const api = new Api(server);
  await api.openKms();
  await api.authorizeDiskEncryption();
  const key = await api.createKey();
  const diskId = await api.createDisk({ Encrypted: 'true', KMSKeyId: key });
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  await client.write(0, Buffer.alloc(4096, 5), { fua: true });
  await client.disconnect();
  await api.unexport(exported.ExportId);
  const snapshotId = await api.createSnapshot(diskId);
  const aside = mkdtempSync(path.join(tmpdir(), 'sealdisk-aside-'));
  cpSync(path.join(server.dataDirectory, 'keys'), aside, { recursive: true });

  await api.call('kms', 'ScheduleKeyDeletion', { KeyId: key, PendingWindowInDays: '7' });
  await server.json('clock', 'advance', '8d');
  const opensNever = async (): Promise<void> => {
    await assert.rejects(api.exportDisk(diskId), { code: 'InvalidKMSKeyId.NotFound' });
    const restore = api.createDisk({ SnapshotId: snapshotId });
    await assert.rejects(restore, { code: 'InvalidParameter.KMSKeyId.NotFound' });
  };
  await opensNever();
  // The key files as they were do not help.
  await server.kill('SIGTERM');
  cpSync(aside, path.join(server.dataDirectory, 'keys'), { recursive: true });
  rmSync(aside, { recursive: true });
  await server.start();
  await opensNever();
  assert.match(readFileSync(server.logFile, 'utf8'), new RegExp(`${key}.*had come back with an old copy`));

  const { Disks: disks } = await api.call<{ Disks: { Disk: Fields[] } }>('ecs', 'DescribeDisks', { KMSKeyId: key });
  assert.deepEqual(
    disks.Disk.map(({ DiskId: id, Encrypted: encrypted }) => [id, encrypted]),
    [[diskId, true]],
  );
  await api.call('ecs', 'DeleteSnapshot', { SnapshotId: snapshotId });
  await api.call('ecs', 'DeleteDisk', { DiskId: diskId });
});
