import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT } from '../../../kms/open-test-kms.ts';
import { base64, openKmsApi } from '../call-kms.ts';

test('ReEncrypt moves what Encrypt or GenerateDataKey sealed to another key and context, and shows it to nobody', async () => {
  await using api = await openKmsApi();
  const [from, to] = [await api.createKey(), await api.createKey({ KeySpec: 'Aliyun_SM4' })];
  const source = { a: '1' };
  const destination = { b: '2' };
  const sealed = await api.call('Encrypt', { KeyId: from, Plaintext: base64('text'), EncryptionContext: source });
  const made = await api.call('GenerateDataKey', { KeyId: from, NumberOfBytes: 1024, EncryptionContext: source });
  const input = { DestinationKeyId: to, SourceEncryptionContext: source, DestinationEncryptionContext: destination };
  for (const [CiphertextBlob, plaintext] of [
    [sealed.CiphertextBlob, base64('text')],
    [made.CiphertextBlob, made.Plaintext],
  ] as const) {
    const moved = await api.call('ReEncrypt', { ...input, CiphertextBlob });
    assert.deepEqual(Object.keys(moved).sort(), ['CiphertextBlob', 'KeyId', 'KeyVersionId']);
    assert.equal(moved.KeyId, to);
    const opened = await api.call('Decrypt', { CiphertextBlob: moved.CiphertextBlob, EncryptionContext: destination });
    assert.deepEqual([opened.KeyId, opened.Plaintext], [to, plaintext]);
    const wrong = { CiphertextBlob: moved.CiphertextBlob, EncryptionContext: source };
    await api.refused('Decrypt', wrong, 'InvalidParameter', 400);
  }
});

test('ReEncrypt opens nothing with another context than the one that sealed it', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const { CiphertextBlob } = await api.call('Encrypt', {
    KeyId,
    Plaintext: base64('x'),
    EncryptionContext: { a: '1' },
  });
  const input = { CiphertextBlob, DestinationKeyId: KeyId };
  for (const SourceEncryptionContext of [undefined, { a: '2' }, { a: '1', b: '' }])
    await api.refused('ReEncrypt', { ...input, SourceEncryptionContext }, 'InvalidParameter', 400);
});

for (const [KeySpec, SourceEncryptionAlgorithm] of [
  ['RSA_2048', 'RSAES_OAEP_SHA_256'],
  ['EC_SM2', 'SM2PKE'],
] as const) {
  test(`ReEncrypt takes what was encrypted under the public key of ${KeySpec}, told its key, version and algorithm`, async () => {
    await using api = await openKmsApi();
    const pair = await api.createKeyPair(KeySpec, 'ENCRYPT/DECRYPT');
    const DestinationKeyId = await api.createKey();
    const sealed = { ...pair, Algorithm: SourceEncryptionAlgorithm, Plaintext: base64('text') };
    const { CiphertextBlob } = await api.call('AsymmetricEncrypt', sealed);
    const source = { SourceKeyId: pair.KeyId, SourceKeyVersionId: pair.KeyVersionId, SourceEncryptionAlgorithm };
    const input = { CiphertextBlob, DestinationKeyId, ...source };
    const moved = await api.call('ReEncrypt', input);
    assert.equal((await api.call('Decrypt', { CiphertextBlob: moved.CiphertextBlob })).Plaintext, base64('text'));
    for (const name of Object.keys(source))
      await api.refused('ReEncrypt', { ...input, [name]: undefined }, 'MissingParameter', 400);
    await api.refused('ReEncrypt', { ...input, SourceEncryptionContext: { a: '1' } }, 'InvalidParameter', 400);
    await api.refused('ReEncrypt', { ...input, SourceKeyVersionId: 'v' }, 'Forbidden.KeyVersionNotFound', 404);
  });
}

test('ReEncrypt needs both keys in a fit state, and a symmetric destination', async () => {
  await using api = await openKmsApi();
  const [from, to] = [await api.createKey(), await api.createKey()];
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId: from, Plaintext: base64('x') });
  const input = { CiphertextBlob, DestinationKeyId: to };
  const { KeyId: rsa } = await api.createKeyPair('RSA_2048', 'ENCRYPT/DECRYPT');
  await api.refused('ReEncrypt', { ...input, DestinationKeyId: rsa }, 'InvalidParameter', 400);
  await api.refused('ReEncrypt', { ...input, DestinationKeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
  await api.refused('ReEncrypt', { ...input, DestinationKeyId: 'alias/x' }, 'Unsupported.Alias', 400);
  await api.refused('ReEncrypt', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
  for (const KeyId of [from, to]) {
    await api.call('DisableKey', { KeyId });
    await api.refused('ReEncrypt', input, 'Rejected.Disabled', 409);
    await api.call('EnableKey', { KeyId });
  }
  await api.refused('ReEncrypt', input, 'Forbidden.KeyNotFound', 404, OTHER_ACCOUNT);
  await api.call('ReEncrypt', input);
});

test('ReEncrypt asks for kms:ReEncryptFrom on the source and kms:ReEncryptTo on the destination', async () => {
  await using api = await openKmsApi();
  const [from, to] = [await api.createKey(), await api.createKey()];
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId: from, Plaintext: base64('x') });
  const asked = async (input: object) =>
    (await api.access('ReEncrypt', input)).map(({ action, resource }) => `${action} ${resource.split('/')[1] ?? ''}`);
  const expected = [`kms:ReEncryptFrom ${from}`, `kms:ReEncryptTo ${to}`];
  assert.deepEqual(await asked({ CiphertextBlob, DestinationKeyId: to }), expected);
  assert.deepEqual(await asked({ CiphertextBlob: 'AAAA', DestinationKeyId: to, SourceKeyId: from }), expected);
});
