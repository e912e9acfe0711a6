import assert from 'node:assert/strict';
import { test } from 'node:test';

import { detachPolicyFromGroup } from '../../../../src/services/ram/actions/DetachPolicyFromGroup.ts';
import { attachPolicyToGroup } from '../../../../src/services/ram/actions/AttachPolicyToGroup.ts';
import { addUserToGroup } from '../../../../src/services/ram/actions/AddUserToGroup.ts';
import { act, decryptAccess, makeGroup, mayUser, openAccountWithUsers, refused } from '../support.ts';

test('what a detached policy allowed is refused from the next call', async () => {
  await using account = await openAccountWithUsers('alice');
  await makeGroup(account, 'devs');
  await act(account, addUserToGroup(account), { UserName: 'alice', GroupName: 'devs' });
  const policy = { GroupName: 'devs', PolicyType: 'System', PolicyName: 'AdministratorAccess' };
  const detach = (more: object = {}) => act(account, detachPolicyFromGroup(account), { ...policy, ...more });
  await act(account, attachPolicyToGroup(account), policy);
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), true);
  assert.deepEqual(await detach(), {});
  assert.equal(await mayUser(account, 'alice', decryptAccess(account)), false);
  await assert.rejects(detach(), refused('EntityNotExist.Group.Policy', 404));
  await assert.rejects(detach({ GroupName: 'none' }), refused('EntityNotExist.Group', 404));
  await assert.rejects(detach({ PolicyType: 'x' }), refused('InvalidParameter.PolicyType', 400));
});
