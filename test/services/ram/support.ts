import assert from 'node:assert/strict';

import type { Access, Action, Call } from '../../../src/api/action.ts';
import { ApiError } from '../../../src/api/errors.ts';
import { accountArn } from '../../../src/ram/arn.ts';
import { PolicyAuthorizer } from '../../../src/ram/authorizer.ts';
import { attachPolicyToRole } from '../../../src/services/ram/actions/AttachPolicyToRole.ts';
import { createPolicy } from '../../../src/services/ram/actions/CreatePolicy.ts';
import { createRole } from '../../../src/services/ram/actions/CreateRole.ts';
import { DISK_ROLE_TRUST, openTestAccount } from '../../ram/support.ts';
import type { TestAccount } from '../../ram/support.ts';

export { DISK_ROLE_TRUST, openTestAccount } from '../../ram/support.ts';
export type { TestAccount } from '../../ram/support.ts';

/** A call by the account itself, or by another account when one is named. */
export function callOf<Input>(account: TestAccount, input: Input, accountId = account.accountId): Call<Input> {
  return {
    input,
    caller: {
      accountId,
      arn: accountArn(accountId),
      principalType: 'Account',
      accessKeyId: account.accessKeyId,
      sourceIp: '127.0.0.1',
    },
    regionId: 'cn-hangzhou',
    requestId: 'R',
    signal: new AbortController().signal,
  };
}

/** Authorises and runs an action as the front door does. */
export async function act<Input, Output extends object>(
  account: TestAccount,
  action: Action<Input, Output>,
  input: Input,
  accountId = account.accountId,
): Promise<Output> {
  const call = callOf(account, input, accountId);
  const access: readonly Access[] = await action.access(call);
  const facts = { nowMs: account.clock.nowMs(), sourceIp: '127.0.0.1', secureTransport: false };
  const decision = await new PolicyAuthorizer(account.database.read).decide(call.caller, access, facts);
  assert.deepEqual(decision, { allowed: true });
  return await action.run(call);
}

/** For `assert.rejects`: the documented code and status, and a message that is a sentence. */
export const refused =
  (code: string, httpStatus: number, message: RegExp = /./) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ApiError, String(error));
    assert.deepEqual([error.code, error.httpStatus], [code, httpStatus]);
    assert.match(error.message, /[.]$/);
    assert.match(error.message, message);
    return true;
  };

/** An account with a role of that name that trusts ECS. */
export async function openAccountWithRole(roleName = 'DiskRole'): Promise<TestAccount> {
  const account = await openTestAccount();
  await act(account, createRole(account), { RoleName: roleName, AssumeRolePolicyDocument: DISK_ROLE_TRUST });
  return account;
}

export const ALLOW_DECRYPT = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}]}';

export const makePolicy = (account: TestAccount, name: string) =>
  act(account, createPolicy(account), { PolicyName: name, PolicyDocument: ALLOW_DECRYPT });

export const attach = (account: TestAccount, type: string, name: string, roleName = 'DiskRole') =>
  act(account, attachPolicyToRole(account), { PolicyType: type, PolicyName: name, RoleName: roleName });
