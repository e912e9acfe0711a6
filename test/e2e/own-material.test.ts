// Bring your own key, with the vendor's SDK and the openssl command against the whole server: the key works, encrypts a
// disk, survives a restart, and stops when its material is deleted.
import assert from 'node:assert/strict';
import { generateKeyPairSync, privateDecrypt, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import * as kms from '@alicloud/kms20160120';

import { RpcRefusal } from '../../src/api/rpc-client.ts';
import { wrapFor } from '../kms/wrap-for.ts';
import { Api, REGION } from '../support/api.ts';
import { OpensslCommand, PKEYUTL } from '../support/openssl-command.ts';
import { kmsClient, popClient } from '../support/sdk-clients.ts';
import { TestServer } from '../support/start-server.ts';

type Fields = Readonly<Record<string, string>>;
const fieldsOf = (answer: unknown): Fields => answer as Fields;
const KMS = '2016-01-20';

for (const [wrappingKeySpec, wrappingAlgorithm] of [
  ['RSA_2048', 'RSAES_OAEP_SHA_256'],
  ['RSA_2048', 'RSAES_PKCS1_V1_5'],
  ['EC_SM2', 'SM2PKE'],
] as const) {
  test(`material wrapped by openssl with ${wrappingAlgorithm} is imported, used, deleted and brought back by the KMS SDK`, async () => {
    await using server = await TestServer.start();
    using openssl = new OpensslCommand();
    await popClient(server.endpoint, KMS).request('OpenKmsService', { RegionId: REGION }, { method: 'POST' });
    const client = kmsClient(server.endpoint);
    const created = await client.createKey(new kms.CreateKeyRequest({ origin: 'EXTERNAL' } as never));
    const { keyId = '' } = fieldsOf((created as { keyMetadata?: unknown }).keyMetadata);
    const stateOf = async (): Promise<string | undefined> => {
      const answer = await client.describeKey(new kms.DescribeKeyRequest({ keyId } as never));
      return fieldsOf((answer as { keyMetadata?: unknown }).keyMetadata)['keyState'];
    };
    assert.equal(await stateOf(), 'PendingImport');

    const wrapping = { keyId, wrappingAlgorithm, wrappingKeySpec };
    const parameters = fieldsOf(
      await client.getParametersForImport(new kms.GetParametersForImportRequest(wrapping as never)),
    );
    const publicKey = openssl.file('public.der', Buffer.from(parameters['publicKey'] ?? '', 'base64'));
    const files = ['-pubin', '-keyform', 'DER', '-inkey', publicKey, '-in', openssl.file('material', randomBytes(32))];
    const wrapped = openssl.out('pkeyutl', '-encrypt', ...files, ...(PKEYUTL[wrappingAlgorithm] ?? []));
    const importRequest = new kms.ImportKeyMaterialRequest({
      keyId,
      importToken: parameters['importToken'],
      encryptedKeyMaterial: wrapped.toString('base64'),
      keyMaterialExpireUnix: 0,
    } as never);
    await client.importKeyMaterial(importRequest);
    assert.equal(await stateOf(), 'Enabled');

    const plaintext = Buffer.from('sealed').toString('base64');
    const sealed = await client.encrypt(new kms.EncryptRequest({ keyId, plaintext } as never));
    const { ciphertextBlob } = fieldsOf(sealed);
    await server.kill('SIGTERM');
    await server.start();
    const decrypt = () => client.decrypt(new kms.DecryptRequest({ ciphertextBlob } as never));
    assert.equal(fieldsOf(await decrypt())['plaintext'], plaintext);

    await client.deleteKeyMaterial(new kms.DeleteKeyMaterialRequest({ keyId } as never));
    assert.equal(await stateOf(), 'PendingImport');
    await assert.rejects(decrypt(), { code: /^Rejected\.PendingImport/ });
    await client.importKeyMaterial(importRequest);
    assert.equal(fieldsOf(await decrypt())['plaintext'], plaintext);
  });
}

test('the KMS SDK signs, verifies, encrypts and decrypts with key pairs', async () => {
  await using server = await TestServer.start();
  await popClient(server.endpoint, KMS).request('OpenKmsService', { RegionId: REGION }, { method: 'POST' });
  const client = kmsClient(server.endpoint);
  const make = async (keySpec: string, keyUsage: string): Promise<{ keyId: string; keyVersionId: string }> => {
    const created = await client.createKey(new kms.CreateKeyRequest({ keySpec, keyUsage } as never));
    const { keyId = '', primaryKeyVersion = '' } = fieldsOf((created as { keyMetadata?: unknown }).keyMetadata);
    return { keyId, keyVersionId: primaryKeyVersion };
  };
  const digest = randomBytes(32).toString('base64');
  const signing = { ...(await make('EC_P256', 'SIGN/VERIFY')), algorithm: 'ECDSA_SHA_256', digest };
  const { value } = fieldsOf(await client.asymmetricSign(new kms.AsymmetricSignRequest(signing as never)));
  const verified = await client.asymmetricVerify(new kms.AsymmetricVerifyRequest({ ...signing, value } as never));
  assert.equal((verified as { value?: unknown }).value, true);

  const plaintext = Buffer.from('for one reader').toString('base64');
  const pair = { ...(await make('RSA_2048', 'ENCRYPT/DECRYPT')), algorithm: 'RSAES_OAEP_SHA_256' };
  const sealed = await client.asymmetricEncrypt(new kms.AsymmetricEncryptRequest({ ...pair, plaintext } as never));
  const { ciphertextBlob } = fieldsOf(sealed);
  const opened = await client.asymmetricDecrypt(new kms.AsymmetricDecryptRequest({ ...pair, ciphertextBlob } as never));
  assert.equal(fieldsOf(opened)['plaintext'], plaintext);
});

test('imported material expires as its days pass on the test clock, and its file is gone', async () => {
  await using server = await TestServer.start({ args: ['--test-clock'] });
  const api = new Api(server);
  await api.openKms();
  type Answer = { KeyMetadata: Readonly<Record<string, string>> };
  const { KeyMetadata: created } = await api.call<Answer>('kms', 'CreateKey', { Origin: 'EXTERNAL' });
  const KeyId = created['KeyId'] ?? '';
  const wrapping = { KeyId, WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
  type Parameters = { PublicKey: string; ImportToken: string };
  const { PublicKey, ImportToken } = await api.call<Parameters>('kms', 'GetParametersForImport', wrapping);
  const wrapped = wrapFor(Buffer.from(PublicKey, 'base64'), 'RSAES_OAEP_SHA_256', randomBytes(32));
  const KeyMaterialExpireUnix = String(Date.parse(created['CreationDate'] ?? '') / 1000 + 2 * 86_400);
  const request = { KeyId, ImportToken, EncryptedKeyMaterial: wrapped.toBase64(), KeyMaterialExpireUnix };
  await api.call('kms', 'ImportKeyMaterial', request);
  const keyFiles = path.join(server.dataDirectory, 'keys');
  assert.equal(readdirSync(keyFiles).length, 1);

  await server.json('clock', 'advance', '3d');
  const { KeyMetadata: expired } = await api.call<Answer>('kms', 'DescribeKey', { KeyId });
  assert.equal(expired['KeyState'], 'PendingImport');
  assert.deepEqual(readdirSync(keyFiles), []);
  const refused = (code: string) => (error: unknown) => error instanceof RpcRefusal && error.code === code;
  await assert.rejects(api.call('kms', 'GenerateDataKey', { KeyId }), refused('Rejected.PendingImport'));
  await assert.rejects(api.call('kms', 'ImportKeyMaterial', request), refused('InvalidParameter'), 'it would expire');
  const forEver = { ...request, KeyMaterialExpireUnix: '0' };
  await assert.rejects(api.call('kms', 'ImportKeyMaterial', forEver), refused('ExpiredImportToken'));
});

test('operations that the npm SDK lacks work through its generic client, contexts and all', async () => {
  await using server = await TestServer.start();
  const client = popClient(server.endpoint, KMS);
  const call = (action: string, parameters: object): Promise<Fields> =>
    client.request<Fields>(action, { RegionId: REGION, ...parameters }, { method: 'POST' });
  await call('OpenKmsService', {});
  const keyOf = async (parameters: object): Promise<string> =>
    (
      await client.request<{ KeyMetadata: Fields }>(
        'CreateKey',
        { RegionId: REGION, ...parameters },
        { method: 'POST' },
      )
    ).KeyMetadata['KeyId'] ?? '';
  const [from, to, mac] = [
    await keyOf({}),
    await keyOf({ KeySpec: 'Aliyun_SM4' }),
    await keyOf({ KeySpec: 'HMAC_SM3' }),
  ];
  const made = await call('GenerateDataKey', { KeyId: from, EncryptionContext: '{"a":"1"}' });
  const moved = await call('ReEncrypt', {
    CiphertextBlob: made['CiphertextBlob'],
    SourceEncryptionContext: '{"a":"1"}',
    DestinationKeyId: to,
    DestinationEncryptionContext: '{"b":"2"}',
  });
  const blob = { CiphertextBlob: moved['CiphertextBlob'], EncryptionContext: '{"b":"2"}' };
  assert.equal((await call('Decrypt', blob))['Plaintext'], made['Plaintext']);

  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const PublicKeyBlob = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const target = { PublicKeyBlob, WrappingKeySpec: 'RSA_2048', WrappingAlgorithm: 'RSAES_OAEP_SHA_256' };
  const exported = await call('ExportDataKey', { ...blob, ...target });
  const wrapped = Buffer.from(exported['ExportedDataKey'] ?? '', 'base64');
  const dataKey = privateDecrypt({ key: pair.privateKey, oaepHash: 'sha256' }, wrapped);
  assert.equal(dataKey.toString('base64'), made['Plaintext']);

  const message = { KeyId: mac, Algorithm: 'HMAC_SM3', Message: Buffer.from('m').toString('base64') };
  const { Mac } = await call('GenerateMac', message);
  assert.equal(String((await call('VerifyMac', { ...message, Mac }))['Value']), 'true');
});
