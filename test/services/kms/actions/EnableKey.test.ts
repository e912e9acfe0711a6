import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('EnableKey makes a disabled key usable again', async () => {
  await using api = await openKmsApi();
  const keyId = await api.createKey();
  await api.call('DisableKey', { KeyId: keyId });
  await api.refused('GenerateDataKey', { KeyId: keyId }, 'Rejected.Disabled', 409);
  assert.deepEqual(await api.call('EnableKey', { KeyId: keyId }), {});
  await api.call('GenerateDataKey', { KeyId: keyId });
});

test('EnableKey takes no alias and not the service key', async () => {
  await using api = await openKmsApi();
  const { keyId } = await api.kms.serviceKeys.obtain(SCOPE);
  await api.refused('EnableKey', { KeyId: 'alias/acs/ecs' }, 'Unsupported.Alias', 400);
  await api.refused('EnableKey', { KeyId: keyId }, 'Forbidden.NoPermission', 403);
});
