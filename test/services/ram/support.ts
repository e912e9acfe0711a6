import assert from 'node:assert/strict';

import type { Access, Action, Call } from '../../../src/api/action.ts';
import { ApiError } from '../../../src/api/errors.ts';
import { accountArn, userArn } from '../../../src/ram/arn.ts';
import { PolicyAuthorizer } from '../../../src/ram/authorizer.ts';
import { attachPolicyToRole } from '../../../src/services/ram/actions/AttachPolicyToRole.ts';
import { createPolicy } from '../../../src/services/ram/actions/CreatePolicy.ts';
import { attachPolicyToUser } from '../../../src/services/ram/actions/AttachPolicyToUser.ts';
import { createAccessKey } from '../../../src/services/ram/actions/CreateAccessKey.ts';
import { createGroup } from '../../../src/services/ram/actions/CreateGroup.ts';
import { createRole } from '../../../src/services/ram/actions/CreateRole.ts';
import { createUser } from '../../../src/services/ram/actions/CreateUser.ts';
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
  assert.equal(decision.allowed, true, 'the account itself may do everything');
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

export const OTHER_ACCOUNT = '1111111111111111';

/** An account with users of these names. */
export async function openAccountWithUsers(...names: readonly string[]): Promise<TestAccount> {
  const account = await openTestAccount();
  for (const UserName of names) await act(account, createUser(account), { UserName });
  return account;
}

/** The call of a user of the account instead of the account itself. */
export function byUser<Input>(account: TestAccount, userName: string, input: Input): Call<Input> {
  const call = callOf(account, input);
  const arn = userArn(account.accountId, userName);
  return { ...call, caller: { ...call.caller, arn, principalType: 'RAMUser' } };
}

export const makeGroup = (account: TestAccount, GroupName: string) => act(account, createGroup(account), { GroupName });

export const attachToUser = (account: TestAccount, PolicyType: string, PolicyName: string, UserName: string) =>
  act(account, attachPolicyToUser(account), { PolicyType, PolicyName, UserName });

export async function makeAccessKey(account: TestAccount, UserName: string): Promise<string> {
  const { AccessKey } = await act(account, createAccessKey(account), { UserName });
  return AccessKey?.AccessKeyId ?? '';
}

/** Whether a user may do something in the account, as the front door would decide. */
export async function mayUser(account: TestAccount, userName: string, ...access: readonly Access[]): Promise<boolean> {
  const { caller } = byUser(account, userName, {});
  const facts = { nowMs: account.clock.nowMs(), sourceIp: '127.0.0.1', secureTransport: false };
  return (await new PolicyAuthorizer(account.database.read).decide(caller, access, facts)).allowed;
}

/** An access that `ALLOW_DECRYPT` allows. */
export const decryptAccess = (account: TestAccount): Access => ({
  action: 'kms:Decrypt',
  resource: `acs:kms:cn-hangzhou:${account.accountId}:key/k`,
});

/** All pages of a list, by the names that `namesOf` finds on a page. */
export async function namesOnAllPages<Page extends { IsTruncated?: boolean | undefined; Marker?: string | undefined }>(
  list: (page: { MaxItems: number; Marker?: string }) => Promise<Page>,
  namesOf: (page: Page) => readonly (string | undefined)[],
): Promise<(string | undefined)[]> {
  const names: (string | undefined)[] = [];
  for (let marker: string | undefined; ;) {
    const page = await list({ MaxItems: 2, ...(marker !== undefined && { Marker: marker }) });
    assert.ok(namesOf(page).length <= 2);
    assert.equal(page.IsTruncated, page.Marker !== undefined);
    names.push(...namesOf(page));
    marker = page.Marker;
    if (marker === undefined) return names;
  }
}
