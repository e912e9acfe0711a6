import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';

import { base64, openKmsApi } from '../call-kms.ts';

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64');

test('AsymmetricVerify says true of what AsymmetricSign signed, and false of everything else', async () => {
  await using api = await openKmsApi();
  for (const [KeySpec, Algorithm] of [
    ['RSA_2048', 'RSA_PSS_SHA_256'],
    ['EC_P256K', 'ECDSA_SHA_256'],
    ['EC_SM2', 'SM2DSA'],
  ] as const) {
    const key = await api.createKeyPair(KeySpec, 'SIGN/VERIFY');
    const input = { ...key, Algorithm, Digest: digestOf('a') };
    const { Value } = await api.call('AsymmetricSign', input);
    assert.deepEqual(await api.call('AsymmetricVerify', { ...input, Value }), { ...key, Value: true });
    const changed = Buffer.from(String(Value), 'base64');
    changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
    for (const change of [
      { Digest: digestOf('b'), Value },
      { Value: changed.toString('base64') },
      { Value: base64('no signature') },
    ])
      assert.equal((await api.call('AsymmetricVerify', { ...input, ...change }))['Value'], false, KeySpec);
  }
});

test('AsymmetricVerify says false of a good signature by another key', async () => {
  await using api = await openKmsApi();
  const key = await api.createKeyPair('EC_P256', 'SIGN/VERIFY');
  const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const Value = sign('sha256', Buffer.from('a'), other.privateKey).toString('base64');
  const input = { ...key, Algorithm: 'ECDSA_SHA_256', Digest: digestOf('a'), Value };
  assert.equal((await api.call('AsymmetricVerify', input))['Value'], false);
});

test('AsymmetricVerify refuses other keys, algorithms and versions, and dry runs', async () => {
  await using api = await openKmsApi();
  const key = await api.createKeyPair('EC_P256', 'SIGN/VERIFY');
  const input = { ...key, Algorithm: 'ECDSA_SHA_256', Digest: digestOf('a'), Value: base64('x') };
  const symmetric = await api.createKeyPair('Aliyun_SM4', 'ENCRYPT/DECRYPT');
  for (const change of [symmetric, { Algorithm: 'SM2DSA' }, { Digest: base64('x') }, { Value: '' }])
    await api.refused('AsymmetricVerify', { ...input, ...change }, 'InvalidParameter', 400);
  await api.refused('AsymmetricVerify', { ...input, KeyVersionId: 'v' }, 'Forbidden.KeyVersionNotFound', 404);
  await api.refused('AsymmetricVerify', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
});
