import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, SCOPE } from '../../../kms/open-test-kms.ts';
import { base64, openKmsApi } from '../call-kms.ts';

test('DisableKey stops every use of a key at once', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  const { CiphertextBlob } = await api.call('Encrypt', { KeyId: keyId, Plaintext: base64('x') });
  assert.deepEqual(await api.call('DisableKey', { KeyId: keyId }), {});
  await api.refused('Decrypt', { CiphertextBlob }, 'Rejected.Disabled', 409);
  await api.refused('Encrypt', { KeyId: keyId, Plaintext: base64('x') }, 'Rejected.Disabled', 409);
  assert.equal((await api.call('DescribeKey', { KeyId: keyId })).KeyMetadata['KeyState'], 'Disabled');
});

test('DisableKey takes no alias, not the service key, and no key of another account', async () => {
  await using api = await openKmsApi();
  const { keyId } = await api.kms.serviceKeys.obtain(SCOPE);
  await api.refused('DisableKey', { KeyId: 'alias/acs/ecs' }, 'Unsupported.Alias', 400);
  await api.refused('DisableKey', { KeyId: keyId }, 'Forbidden.NoPermission', 403);
  await api.refused('DisableKey', { KeyId: await api.createKey() }, 'Forbidden.KeyNotFound', 404, OTHER_ACCOUNT);
});
