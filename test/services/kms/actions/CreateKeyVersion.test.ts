import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DAY_MS, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('CreateKeyVersion gives an asymmetric key a further version that becomes primary', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey({ KeySpec: 'RSA_2048' });
  api.kms.advance(7 * DAY_MS);
  const { KeyVersion: version } = await api.call('CreateKeyVersion', { KeyId: keyId });
  assert.deepEqual(version, {
    KeyId: keyId,
    KeyVersionId: version['KeyVersionId'],
    CreationDate: '2026-11-30T00:00:00Z',
  });
  const { KeyMetadata: key } = await api.call('DescribeKey', { KeyId: keyId });
  assert.deepEqual(
    [key['PrimaryKeyVersion'], key['LastRotationDate']],
    [version['KeyVersionId'], '2026-11-30T00:00:00Z'],
  );
});

test('CreateKeyVersion refuses a second version within seven days, symmetric keys and the service key', async () => {
  await using api = await openKmsApi();
  const rsa = await api.createKey({ KeySpec: 'RSA_2048' });
  await api.refused('CreateKeyVersion', { KeyId: rsa }, 'Rejected.LimitExceeded', 400);
  const aes = await api.createKey();
  await api.refused('CreateKeyVersion', { KeyId: aes }, 'Rejected.UnsupportedOperation', 400);
  const { keyId: serviceKey } = await api.kms.serviceKeys.obtain(SCOPE);
  await api.refused('CreateKeyVersion', { KeyId: serviceKey }, 'Forbidden.NoPermission', 403);
  assert.equal((await api.call('ListKeyVersions', { KeyId: rsa })).TotalCount, 1);
});
