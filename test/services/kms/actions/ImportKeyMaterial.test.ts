import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';

import { DAY_MS } from '../../../kms/open-test-kms.ts';
import { OpensslCommand, PKEYUTL } from '../../../support/openssl-command.ts';
import { base64, openKmsApi } from '../call-kms.ts';
import type { KmsApi } from '../call-kms.ts';

const START_S = Date.UTC(2026, 10, 23) / 1000;
const NEVER = { KeyMaterialExpireUnix: 0 };

/** What an operator does: fetches public key and token, and wraps with openssl. */
async function wrapped(api: KmsApi, KeyId: string, material: Uint8Array, algorithm = 'RSAES_OAEP_SHA_256') {
  using openssl = new OpensslCommand();
  const WrappingKeySpec = algorithm === 'SM2PKE' ? 'EC_SM2' : 'RSA_2048';
  const input = { KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec };
  const { PublicKey, ImportToken } = await api.call('GetParametersForImport', input);
  const files = [
    '-pubin',
    '-keyform',
    'DER',
    '-inkey',
    openssl.file('public', Buffer.from(PublicKey, 'base64')),
    '-in',
    openssl.file('material', material),
  ];
  const bytes = openssl.out('pkeyutl', '-encrypt', ...files, ...(PKEYUTL[algorithm] ?? []));
  return { KeyId, ImportToken, EncryptedKeyMaterial: bytes.toString('base64') };
}

for (const algorithm of ['RSAES_PKCS1_V1_5', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE']) {
  test(`ImportKeyMaterial takes what openssl wrapped with ${algorithm}, and the key works`, async () => {
    await using api = await openKmsApi();
    const KeyId = await api.createKey({ Origin: 'EXTERNAL' });
    await api.refused('Encrypt', { KeyId, Plaintext: base64('x') }, 'Rejected.PendingImport', 409);
    const input = await wrapped(api, KeyId, randomBytes(32), algorithm);
    assert.deepEqual(await api.call('ImportKeyMaterial', { ...input, ...NEVER }), {});
    const { KeyMetadata } = await api.call('DescribeKey', { KeyId });
    assert.deepEqual([KeyMetadata['KeyState'], KeyMetadata['MaterialExpireTime']], ['Enabled', '']);
    const { CiphertextBlob } = await api.call('Encrypt', { KeyId, Plaintext: base64('x') });
    assert.equal((await api.call('Decrypt', { CiphertextBlob })).Plaintext, base64('x'));
  });
}

test('the same material in two keys opens nothing of the other', async () => {
  await using api = await openKmsApi();
  const material = randomBytes(32);
  const [one, two] = [await api.createKey({ Origin: 'EXTERNAL' }), await api.createKey({ Origin: 'EXTERNAL' })];
  for (const KeyId of [one, two])
    await api.call('ImportKeyMaterial', { ...(await wrapped(api, KeyId, material)), ...NEVER });
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId: one, Plaintext: base64('x') });
  await api.call('DeleteKeyMaterial', { KeyId: one });
  await api.refused('Decrypt', { CiphertextBlob }, 'Rejected.PendingImport', 409);
});

test('ImportKeyMaterial shows when material expires, and the key waits from then on', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ Origin: 'EXTERNAL' });
  const material = randomBytes(32);
  const input = { ...(await wrapped(api, KeyId, material)), KeyMaterialExpireUnix: START_S + 3600 };
  await api.call('ImportKeyMaterial', input);
  const before = (await api.call('DescribeKey', { KeyId })).KeyMetadata;
  assert.deepEqual([before['KeyState'], before['MaterialExpireTime']], ['Enabled', '2026-11-23T01:00:00Z']);
  api.kms.advance(3_600_000);
  assert.equal((await api.call('DescribeKey', { KeyId })).KeyMetadata['KeyState'], 'PendingImport');
  await api.refused('GenerateDataKey', { KeyId }, 'Rejected.PendingImport', 409);
  const other = await wrapped(api, KeyId, randomBytes(32));
  await api.refused('ImportKeyMaterial', { ...other, ...NEVER }, 'InvalidKeyMaterial', 400);
  await api.call('ImportKeyMaterial', { ...input, ...NEVER });
  assert.equal((await api.call('DescribeKey', { KeyId })).KeyMetadata['KeyState'], 'Enabled');
});

test('ImportKeyMaterial gives one answer to all material that it does not take, and changes nothing', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ Origin: 'EXTERNAL' });
  const messages = new Set<string>();
  const refuse = async (input: object): Promise<void> => {
    const error = await api.refused('ImportKeyMaterial', { ...input, ...NEVER }, 'InvalidKeyMaterial', 400);
    messages.add(error.message);
  };
  for (const algorithm of ['RSAES_PKCS1_V1_5', 'RSAES_OAEP_SHA_256']) {
    const good = await wrapped(api, KeyId, randomBytes(32), algorithm);
    const changed = Buffer.from(good.EncryptedKeyMaterial, 'base64');
    changed[9] = (changed[9] ?? 0) ^ 1;
    await refuse({ ...good, EncryptedKeyMaterial: changed.toString('base64') });
    await refuse({ ...good, EncryptedKeyMaterial: base64('short') });
    await refuse(await wrapped(api, KeyId, randomBytes(16), algorithm));
    const { EncryptedKeyMaterial } = await wrapped(api, KeyId, randomBytes(32), algorithm);
    await refuse({ ...good, EncryptedKeyMaterial });
  }
  assert.equal((await api.call('DescribeKey', { KeyId })).KeyMetadata['KeyState'], 'PendingImport');
  await api.call('ImportKeyMaterial', { ...(await wrapped(api, KeyId, randomBytes(32))), ...NEVER });
  for (const algorithm of ['RSAES_PKCS1_V1_5', 'SM2PKE'])
    await refuse(await wrapped(api, KeyId, randomBytes(32), algorithm));
  assert.equal(messages.size, 1, [...messages].join('\n'));
});

test('ImportKeyMaterial refuses old tokens, tokens of other keys, keys of ours and times that are none', async () => {
  await using api = await openKmsApi();
  const [KeyId, other] = [await api.createKey({ Origin: 'EXTERNAL' }), await api.createKey({ Origin: 'EXTERNAL' })];
  const input = { ...(await wrapped(api, KeyId, randomBytes(32))), ...NEVER };
  const token = Buffer.from(input.ImportToken, 'base64');
  token[40] = (token[40] ?? 0) ^ 1;
  for (const change of [
    { KeyId: other },
    { ImportToken: token.toString('base64') },
    { ImportToken: base64('no token') },
  ])
    await api.refused('ImportKeyMaterial', { ...input, ...change }, 'InvalidImportToken', 400);
  for (const KeyMaterialExpireUnix of [START_S, 1, -1, 0.5, 1e15])
    await api.refused('ImportKeyMaterial', { ...input, KeyMaterialExpireUnix }, 'InvalidParameter', 400);
  await api.refused('ImportKeyMaterial', { ...input, ImportToken: 'not base64!' }, 'InvalidParameter', 400);
  await api.refused('ImportKeyMaterial', { ...input, KeyId: await api.createKey() }, 'Unsupported.Origin', 400);
  await api.refused('ImportKeyMaterial', { ...input, KeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
  await api.refused('ImportKeyMaterial', { ...input, KeyId: 'alias/x' }, 'Unsupported.Alias', 400);
  await api.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
  await api.refused('ImportKeyMaterial', input, 'Rejected.StateModifiedFailed', 409);
  await api.call('CancelKeyDeletion', { KeyId });
  api.kms.advance(DAY_MS);
  await api.refused('ImportKeyMaterial', input, 'ExpiredImportToken', 400);
  assert.equal((await api.call('DescribeKey', { KeyId })).KeyMetadata['KeyState'], 'PendingImport');
});
