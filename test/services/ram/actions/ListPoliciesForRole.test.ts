import assert from 'node:assert/strict';
import { test } from 'node:test';

import { listPoliciesForRole } from '../../../../src/services/ram/actions/ListPoliciesForRole.ts';
import { act, attach, makePolicy, openAccountWithRole, refused } from '../support.ts';

test('system and custom policies are listed in order of attachment', async () => {
  await using account = await openAccountWithRole();
  const list = () => act(account, listPoliciesForRole(account), { RoleName: 'DISKROLE' });
  assert.deepEqual(await list(), { Policies: { Policy: [] } });
  await makePolicy(account, 'zebra');
  await attach(account, 'Custom', 'zebra');
  account.clock.ms += 1_000;
  await attach(account, 'System', 'AliyunECSDiskEncryptRolePolicy');
  assert.deepEqual(await list(), {
    Policies: {
      Policy: [
        {
          PolicyName: 'zebra',
          PolicyType: 'Custom',
          Description: '',
          DefaultVersion: 'v1',
          AttachDate: '2026-11-23T12:00:00Z',
        },
        {
          PolicyName: 'AliyunECSDiskEncryptRolePolicy',
          PolicyType: 'System',
          Description: 'Lets ECS use the keys of the account for disk encryption',
          DefaultVersion: 'v1',
          AttachDate: '2026-11-23T12:00:01Z',
        },
      ],
    },
  });
});

test('an unknown role has no policies to list', async () => {
  await using account = await openAccountWithRole();
  const unknown = act(account, listPoliciesForRole(account), { RoleName: 'Other' });
  await assert.rejects(unknown, refused('EntityNotExist.Role', 404));
});
