import assert from 'node:assert/strict';
import { test } from 'node:test';

import { base64, openKmsApi } from '../call-kms.ts';

test('VerifyMac says true of the code of the message, and false of everything else', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ KeySpec: 'HMAC_SM3' });
  const other = await api.createKey({ KeySpec: 'HMAC_SM3' });
  const input = { KeyId, Algorithm: 'HMAC_SM3', Message: base64('m') };
  const { Mac } = await api.call('GenerateMac', input);
  assert.deepEqual(await api.call('VerifyMac', { ...input, Mac }), { KeyId, Algorithm: 'HMAC_SM3', Value: true });
  const shorter = Buffer.from(Mac, 'base64').subarray(1).toString('base64');
  for (const change of [{ Message: base64('n') }, { KeyId: other }, { Mac: base64('x') }, { Mac: shorter }])
    assert.equal((await api.call('VerifyMac', { ...input, Mac, ...change }))['Value'], false);
});

test('VerifyMac refuses other keys, algorithms and dry runs', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ KeySpec: 'HMAC_SHA256' });
  const input = { KeyId, Algorithm: 'HMAC_SHA_256', Message: base64('m'), Mac: base64('c') };
  const tooLong = { Mac: Buffer.alloc(65).toString('base64') };
  for (const change of [{ KeyId: await api.createKey() }, { Algorithm: 'HMAC_SHA_512' }, tooLong, { Mac: '' }])
    await api.refused('VerifyMac', { ...input, ...change }, 'InvalidParameter', 400);
  await api.refused('VerifyMac', { ...input, DryRun: 'true' }, 'DryRunOperationError', 400);
  await api.refused('VerifyMac', { ...input, KeyId: 'none' }, 'Forbidden.KeyNotFound', 404);
});
