import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('GetKeyPolicy shows the default policy, which leaves the key to the account', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  for (const input of [{ KeyId }, { KeyId, PolicyName: 'default' }]) {
    const { Policy: policy } = await api.call('GetKeyPolicy', input);
    assert.deepEqual(JSON.parse(policy), {
      Version: '1',
      Statement: [
        {
          Sid: 'kms default key policy',
          Effect: 'Allow',
          Principal: { RAM: [`acs:ram::${SCOPE.accountId}:*`] },
          Action: ['kms:*'],
          Resource: ['*'],
        },
      ],
    });
    assert.deepEqual(await api.call('SetKeyPolicy', { KeyId, Policy: policy }), {}, 'it can be set as it stands');
  }
});

test('GetKeyPolicy refuses other names of policies, aliases and unknown keys', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  await api.refused('GetKeyPolicy', { KeyId, PolicyName: 'other' }, 'InvalidParameter', 400);
  await api.refused('GetKeyPolicy', { KeyId: 'alias/a' }, 'Unsupported.Alias', 400);
  await api.refused('GetKeyPolicy', { KeyId: 'nope' }, 'Forbidden.KeyNotFound', 404);
});
