import assert from 'node:assert/strict';
import { test } from 'node:test';

import { detachPolicyFromUser } from '../../../../src/services/ram/actions/DetachPolicyFromUser.ts';
import { attachPolicyToUser } from '../../../../src/services/ram/actions/AttachPolicyToUser.ts';
import { act, decryptAccess, mayUser, openAccountWithUsers, refused } from '../support.ts';

test('what a detached policy allowed is refused from the next call', async () => {
  await using account = await openAccountWithUsers('alice');
  const policy = { UserName: 'alice', PolicyType: 'System', PolicyName: 'AdministratorAccess' };
  const detach = (more: object = {}) => act(account, detachPolicyFromUser(account), { ...policy, ...more });
  await act(account, attachPolicyToUser(account), policy);
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  assert.deepEqual(await detach(), {});
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await assert.rejects(detach(), refused('EntityNotExist.User.Policy', 404));
  await assert.rejects(detach({ UserName: 'none' }), refused('EntityNotExist.User', 404));
  await assert.rejects(detach({ PolicyType: 'x' }), refused('InvalidParameter.PolicyType', 400));
});
