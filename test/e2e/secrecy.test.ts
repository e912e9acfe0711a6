// Where a plaintext data key may be, and where it may not: looked for in the memory of the running programs and in every file.
import assert from 'node:assert/strict';
import { createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { KeyStore } from '../../src/kms/key-store.ts';
import { RootOfTrust } from '../../src/root/root-of-trust.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { trustParts } from '../root/open-test-trust.ts';
import { Api, unixAddress } from '../support/api.ts';
import { filesWith } from '../support/files-with.ts';
import { countInMemory } from '../support/process-memory.ts';
import { TestServer } from '../support/start-server.ts';

test(
  'a plaintext data key is in no file, and in no memory once its disk is closed',
  { skip: process.getuid?.() === 0 ? false : 'only root reads the memory of other processes' },
  async () => {
    await using server = await TestServer.start();
    const api = new Api(server);
    await api.openKms();
    const diskId = await api.createDisk({ Encrypted: 'true' });
    const exported = await api.exportDisk(diskId);
    const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    await client.write(0, Buffer.alloc(4096, 5), { fua: true });
    await client.disconnect();

    const database = new DatabaseSync(path.join(server.dataDirectory, 'metadata.db'), { readOnly: true });
    const row = database.prepare('select wrapped_key, suite from disks where disk_id = ?').get(diskId) as {
      wrapped_key: Uint8Array;
      suite: string;
    };
    database.close();
    const { Plaintext } = await api.call<{ Plaintext: string }>('kms', 'Decrypt', {
      CiphertextBlob: Buffer.from(row.wrapped_key).toString('base64'),
      EncryptionContext: JSON.stringify({
        'acs:ecs:disk-id': diskId,
        'sealdisk:encrypted': 'true',
        'sealdisk:suite': row.suite,
      }),
    });
    const dataKey = Buffer.from(Plaintext, 'base64');
    assert.equal(dataKey.length, 32);

    await api.unexport(exported.ExportId);
    const [diskServer = 0] = await server.diskServerPids();
    assert.equal(countInMemory(diskServer, dataKey), 0, 'the disk server forgot the key');
    assert.equal(countInMemory(server.pid, dataKey), 0, 'the control plane did not keep the key');
    for (const form of [dataKey, Buffer.from(dataKey.toString('hex')), Buffer.from(Plaintext)]) {
      assert.deepEqual(filesWith(server.dataDirectory, form), []);
    }
    // The search finds what is there: a secret that this very process holds.
    assert.ok(countInMemory(process.pid, dataKey) > 0);
  },
);

test('the disk server cannot be dumped or inspected', async () => {
  await using server = await TestServer.start();
  const [diskServer = 0] = await server.diskServerPids();
  assert.match(readFileSync(`/proc/${diskServer}/limits`, 'utf8'), /Max core file size\s+0\s+0/);
  process.kill(diskServer, 'SIGUSR1');
  await assert.rejects(fetch('http://127.0.0.1:9229/json/version'));
  assert.deepEqual(await server.diskServerPids(), [diskServer]);
});

test(
  'private keys and imported material are in no file, and in no memory between their uses',
  { skip: process.getuid?.() === 0 ? false : 'only root reads the memory of other processes' },
  async () => {
    await using server = await TestServer.start();
    const api = new Api(server);
    await api.openKms();
    const create = async (
      parameters: Record<string, string>,
    ): Promise<{ KeyId: string; PrimaryKeyVersion: string }> => {
      type Answer = { KeyMetadata: { KeyId: string; PrimaryKeyVersion: string } };
      return (await api.call<Answer>('kms', 'CreateKey', parameters)).KeyMetadata;
    };
    const versions: string[] = [];
    for (const [KeySpec, Algorithm] of [
      ['EC_P256', 'ECDSA_SHA_256'],
      ['RSA_2048', 'RSA_PSS_SHA_256'],
      ['EC_SM2', 'SM2DSA'],
    ] as const) {
      const { KeyId, PrimaryKeyVersion: KeyVersionId } = await create({ KeySpec, KeyUsage: 'SIGN/VERIFY' });
      const Digest = Buffer.alloc(32, 1).toString('base64');
      for (let use = 0; use < 3; use++)
        await api.call('kms', 'AsymmetricSign', { KeyId, KeyVersionId, Algorithm, Digest });
      versions.push(KeyVersionId);
    }
    const external = await create({ Origin: 'EXTERNAL' });
    const material = await importFreshMaterial(api, external.KeyId);
    await api.call('kms', 'GenerateDataKey', { KeyId: external.KeyId });

    const privateKeys = await readKeyFiles(server.dataDirectory, versions);
    // Of each a stretch that only the secret has: the end of the last prime's inverse, or the scalar.
    const secrets = privateKeys.map((pkcs8) =>
      pkcs8.subarray(pkcs8.length > 1000 ? -40 : 40, pkcs8.length > 1000 ? -8 : 64),
    );
    for (const secret of [...secrets, material]) {
      assert.deepEqual(filesWith(server.dataDirectory, secret), []);
      // OpenSSL keeps numbers with their last byte first.
      for (const form of [secret, Buffer.from(secret).reverse()]) assert.equal(countInMemory(server.pid, form), 0);
      assert.ok(countInMemory(process.pid, secret) > 0);
    }
  },
);

/** 32 bytes that the key has from now on. */
async function importFreshMaterial(api: Api, KeyId: string): Promise<Buffer> {
  const wrapping = { KeyId, WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
  type Parameters = { PublicKey: string; ImportToken: string };
  const { PublicKey, ImportToken } = await api.call<Parameters>('kms', 'GetParametersForImport', wrapping);
  const key = createPublicKey({ key: Buffer.from(PublicKey, 'base64'), type: 'spki', format: 'der' });
  const material = randomBytes(32);
  const EncryptedKeyMaterial = publicEncrypt({ key, oaepHash: 'sha256' }, material).toString('base64');
  await api.call('kms', 'ImportKeyMaterial', { KeyId, ImportToken, EncryptedKeyMaterial, KeyMaterialExpireUnix: '0' });
  return material;
}

/** What the files of key versions hold, read with the root key that lies beside them. */
async function readKeyFiles(directory: string, versions: readonly string[]): Promise<Buffer[]> {
  using trust = await RootOfTrust.open(trustParts(directory), { databaseExists: true });
  const store = await KeyStore.open(directory, trust.keyring.sealer('keys'));
  const contents: Buffer[] = [];
  for (const version of versions) {
    const { material } = await store.read(version);
    contents.push(Buffer.from(material.reveal()));
  }
  return contents;
}
