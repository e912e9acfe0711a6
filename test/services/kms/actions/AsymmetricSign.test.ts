import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { SM2_DEFAULT_ID, sm2Digest } from '../../../crypto/sm2-digest.ts';
import { OpensslCommand, PKEYUTL } from '../../../support/openssl-command.ts';
import { openKmsApi } from '../call-kms.ts';

const MESSAGE = Buffer.from('what is signed');
const Digest = createHash('sha256').update(MESSAGE).digest('base64');

for (const [KeySpec, Algorithm] of [
  ['RSA_2048', 'RSA_PSS_SHA_256'],
  ['RSA_2048', 'RSA_PKCS1_SHA_256'],
  ['RSA_3072', 'RSA_PSS_SHA_256'],
  ['EC_P256', 'ECDSA_SHA_256'],
  ['EC_P256K', 'ECDSA_SHA_256'],
] as const) {
  test(`openssl accepts what AsymmetricSign signs with ${Algorithm} under ${KeySpec}`, async () => {
    await using api = await openKmsApi();
    using openssl = new OpensslCommand();
    const key = await api.createKeyPair(KeySpec, 'SIGN/VERIFY');
    const signed = await api.call('AsymmetricSign', { ...key, Algorithm, Digest });
    assert.deepEqual([signed.KeyId, signed.KeyVersionId], [key.KeyId, key.KeyVersionId]);
    const { PublicKey } = await api.call('GetPublicKey', key);
    const files = [
      '-inkey',
      openssl.file('public', PublicKey),
      '-in',
      openssl.file('digest', Buffer.from(Digest, 'base64')),
      '-sigfile',
      openssl.file('signature', Buffer.from(String(signed['Value']), 'base64')),
    ];
    assert.ok(openssl.accepts('pkeyutl', '-verify', '-pubin', ...files, ...(PKEYUTL[Algorithm] ?? [])));
  });
}

test('openssl accepts what AsymmetricSign signs with SM2DSA over the digest that GB/T 32918.2 prescribes', async () => {
  await using api = await openKmsApi();
  using openssl = new OpensslCommand();
  const key = await api.createKeyPair('EC_SM2', 'SIGN/VERIFY');
  const { PublicKey } = await api.call('GetPublicKey', key);
  const spki = Buffer.from(PublicKey.replaceAll(/-----.*-----|\n/g, ''), 'base64');
  const digest = sm2Digest(spki, MESSAGE).toString('base64');
  const signed = await api.call('AsymmetricSign', { ...key, Algorithm: 'SM2DSA', Digest: digest });
  const files = [
    '-inkey',
    openssl.file('public', PublicKey),
    '-in',
    openssl.file('message', MESSAGE),
    '-sigfile',
    openssl.file('signature', Buffer.from(String(signed['Value']), 'base64')),
  ];
  const options = ['-rawin', '-digest', 'sm3', '-pkeyopt', `distid:${SM2_DEFAULT_ID}`];
  assert.ok(openssl.accepts('pkeyutl', '-verify', '-pubin', ...files, ...options));
});

test('AsymmetricSign refuses digests of another size, other keys and algorithms, and dry runs', async () => {
  await using api = await openKmsApi();
  const key = await api.createKeyPair('EC_P256', 'SIGN/VERIFY');
  const input = { ...key, Algorithm: 'ECDSA_SHA_256', Digest };
  const sized = (size: number) => ({ Digest: Buffer.alloc(size).toString('base64') });
  const encrypting = await api.createKeyPair('EC_SM2', 'ENCRYPT/DECRYPT');
  const sm2 = { ...encrypting, Algorithm: 'SM2DSA' };
  const hmac = await api.createKeyPair('HMAC_SHA256', 'GENERATE/VERIFY_MAC');
  const invalid = [
    sized(20),
    sized(31),
    sized(33),
    sized(64),
    { Algorithm: 'SM2DSA' },
    { Algorithm: 'none' },
    sm2,
    hmac,
  ];
  for (const change of invalid) await api.refused('AsymmetricSign', { ...input, ...change }, 'InvalidParameter', 400);
  await api.refused('AsymmetricSign', { ...input, KeyVersionId: 'v' }, 'Forbidden.KeyVersionNotFound', 404);
  await api.refused('AsymmetricSign', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
});
