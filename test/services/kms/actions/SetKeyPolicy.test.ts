// What a policy then does: test/services/kms/key-policies.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

const STATEMENT = {
  Sid: 'users',
  Effect: 'Allow',
  Principal: { RAM: [`acs:ram::${SCOPE.accountId}:user/alice`] },
  Action: ['kms:Encrypt'],
  Resource: ['*'],
};
const policyOf = (...statements: readonly unknown[]): string => JSON.stringify({ Version: '1', Statement: statements });

test('SetKeyPolicy keeps a policy as it was written, and so does CreateKey', async () => {
  await using api = await openKmsApi();
  const Policy = ` ${policyOf(STATEMENT)}\n`;
  const KeyId = await api.createKey();
  assert.deepEqual(await api.call('SetKeyPolicy', { KeyId, Policy, PolicyName: 'default' }), {});
  assert.equal((await api.call('GetKeyPolicy', { KeyId })).Policy, Policy);
  const born = await api.createKey({ Policy });
  assert.equal((await api.call('GetKeyPolicy', { KeyId: born })).Policy, Policy);
});

test('SetKeyPolicy refuses what it does not understand, names the place, and changes nothing', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const { Policy: before } = await api.call('GetKeyPolicy', { KeyId });
  const wrong = [
    '{}',
    'all',
    policyOf(),
    policyOf({ ...STATEMENT, Effect: 'allow' }),
    policyOf({ ...STATEMENT, Principal: undefined }),
    policyOf({ ...STATEMENT, Principal: { RAM: ['*'] } }),
    policyOf({ ...STATEMENT, Principal: { Service: ['ecs.aliyuncs.com'] } }),
    policyOf({ ...STATEMENT, Principal: { RAM: [] } }),
    policyOf({ ...STATEMENT, Resource: ['acs:kms:*:*:*'] }),
    policyOf({ ...STATEMENT, Resource: undefined }),
    policyOf({ ...STATEMENT, Sid: 'x'.repeat(129) }),
    policyOf({ ...STATEMENT, NotAction: ['kms:Decrypt'], Action: undefined }),
    JSON.stringify({ Version: '2', Statement: [STATEMENT] }),
    policyOf({ ...STATEMENT, Condition: { StringEquals: { a: 'x'.repeat(33_000) } } }),
  ];
  for (const Policy of wrong) await api.refused('SetKeyPolicy', { KeyId, Policy }, 'InvalidParameter', 400);
  const refusal = await api.refused('SetKeyPolicy', { KeyId, Policy: '{"Version":"1" "x"}' }, 'InvalidParameter', 400);
  assert.match(refusal.message, /line 1, column 16/);
  await api.refused('SetKeyPolicy', { KeyId, Policy: before, PolicyName: 'other' }, 'InvalidParameter', 400);
  assert.equal((await api.call('GetKeyPolicy', { KeyId })).Policy, before);
});

test('SetKeyPolicy refuses the service key', async () => {
  await using api = await openKmsApi();
  const { keyId: KeyId } = await api.kms.serviceKeys.obtain(SCOPE);
  await api.refused('SetKeyPolicy', { KeyId, Policy: policyOf(STATEMENT) }, 'Forbidden.NoPermission', 403);
});
