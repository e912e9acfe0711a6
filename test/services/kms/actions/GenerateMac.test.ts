import assert from 'node:assert/strict';
import { test } from 'node:test';

import { base64, openKmsApi } from '../call-kms.ts';

test('GenerateMac answers the same code for the same message, with the key and the algorithm', async () => {
  await using api = await openKmsApi();
  for (const [KeySpec, Algorithm, size] of [
    ['HMAC_SHA224', 'HMAC_SHA_224', 28],
    ['HMAC_SHA256', 'HMAC_SHA_256', 32],
    ['HMAC_SHA384', 'HMAC_SHA_384', 48],
    ['HMAC_SHA512', 'HMAC_SHA_512', 64],
    ['HMAC_SM3', 'HMAC_SM3', 32],
  ] as const) {
    const KeyId = await api.createKey({ KeySpec });
    const made = await api.call('GenerateMac', { KeyId, Algorithm, Message: base64('m') });
    assert.deepEqual([made.KeyId, made['Algorithm']], [KeyId, Algorithm]);
    assert.equal(Buffer.from(made.Mac, 'base64').length, size);
    assert.deepEqual(await api.call('GenerateMac', { KeyId, Algorithm, Message: base64('m') }), made);
    assert.notEqual((await api.call('GenerateMac', { KeyId, Algorithm, Message: base64('n') })).Mac, made.Mac);
  }
});

test('GenerateMac takes 1 to 6144 bytes and an alias, and refuses other keys, algorithms and dry runs', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ KeySpec: 'HMAC_SHA256' });
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/x' });
  const input = { KeyId: 'alias/x', Algorithm: 'HMAC_SHA_256', Message: Buffer.alloc(6144).toString('base64') };
  assert.equal((await api.call('GenerateMac', input)).KeyId, KeyId);
  const rsa = await api.createKey({ KeySpec: 'EC_P256' });
  const aes = await api.createKey();
  const tooLong = { Message: Buffer.alloc(6145).toString('base64') };
  for (const change of [
    { KeyId: rsa },
    { KeyId: aes },
    { Algorithm: 'HMAC_SM3' },
    { Algorithm: 'MD5' },
    tooLong,
    { Message: '' },
  ])
    await api.refused('GenerateMac', { ...input, ...change }, 'InvalidParameter', 400);
  await api.refused('GenerateMac', { ...input, KeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
  await api.refused('GenerateMac', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
  await api.call('DisableKey', { KeyId });
  await api.refused('GenerateMac', input, 'Rejected.Disabled', 409);
});
