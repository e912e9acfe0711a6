import type { Action, Call, Caller } from '../../../src/api/action.ts';
import { AnyCredentials } from '../../../src/ram/any-credentials.ts';
import { accountArn, roleArn, userArn } from '../../../src/ram/arn.ts';
import { createAccount } from '../../../src/ram/accounts.ts';
import { StoredCredentials } from '../../../src/ram/credentials.ts';
import { PolicyDocuments } from '../../../src/ram/policy/policy-documents.ts';
import { SessionCredentials } from '../../../src/ram/session-credentials.ts';
import { SessionTokens } from '../../../src/ram/session-token.ts';
import { createRole } from '../../../src/services/ram/actions/CreateRole.ts';
import { assumeRole } from '../../../src/services/sts/actions/AssumeRole.ts';
import type { StsDependencies } from '../../../src/services/sts/dependencies.ts';
import type { AssumeRoleInput } from '../../../src/api/generated/sts.ts';
import { openTestAccount, testSealer } from '../../ram/support.ts';
import type { TestAccount } from '../../ram/support.ts';
import { act, callOf } from '../ram/support.ts';

export interface TestSts extends TestAccount {
  readonly deps: StsDependencies;
  readonly credentials: AnyCredentials;
  readonly otherAccountId: string;
}

/** Two accounts, and STS on a clock that stands still. */
export async function openSts(): Promise<TestSts> {
  const account = await openTestAccount();
  const { accountId: otherAccountId } = await createAccount(account, { regionId: 'cn-beijing' });
  const tokens = new SessionTokens(testSealer);
  const reader = account.database.read;
  const documents = new PolicyDocuments();
  const deps = { reader, tokens, clock: account.clock, random: account.random, documents };
  const credentials = new AnyCredentials(new StoredCredentials(reader, testSealer), new SessionCredentials(deps));
  return { ...account, deps, credentials, otherAccountId };
}

/** A trust policy with one statement for each of `ram`, ARNs. */
export const trusting = (ram: readonly string[], condition?: object): string =>
  JSON.stringify({
    Version: '1',
    Statement: [
      {
        Action: 'sts:AssumeRole',
        Effect: 'Allow',
        Principal: { RAM: ram },
        ...(condition === undefined ? {} : { Condition: condition }),
      },
    ],
  });

export async function makeRole(
  sts: TestSts,
  roleName: string,
  trustPolicy: string,
  options: { readonly accountId?: string; readonly maxSessionDurationS?: number } = {},
): Promise<string> {
  const { accountId = sts.accountId, maxSessionDurationS } = options;
  const input = {
    RoleName: roleName,
    AssumeRolePolicyDocument: trustPolicy,
    ...(maxSessionDurationS === undefined ? {} : { MaxSessionDuration: maxSessionDurationS }),
  };
  await act(sts, createRole(sts), input, accountId);
  return roleArn(accountId, roleName);
}

export const root = (sts: TestSts): Caller => callOf(sts, {}).caller;

/** A RAM user of the first account, unless told otherwise. */
export const user = (sts: TestSts, name = 'alice', accountId = sts.accountId): Caller => ({
  accountId,
  arn: userArn(accountId, name),
  principalType: 'RAMUser',
  accessKeyId: 'LTAIuser',
  sourceIp: '192.0.2.7',
});

export const everybodyIn = accountArn;

/** Runs AssumeRole as the front door does once the caller's own policies have allowed it. */
export async function assume(sts: TestSts, caller: Caller, input: AssumeRoleInput) {
  const action: Action<AssumeRoleInput, object> = assumeRole(sts.deps);
  const call: Call<AssumeRoleInput> = { ...callOf(sts, input), caller };
  await action.access(call);
  return await assumeRole(sts.deps).run(call);
}

/** The caller that the credentials of an answer stand for. */
export async function callerOf(sts: TestSts, answer: Awaited<ReturnType<typeof assume>>): Promise<Caller> {
  const { AccessKeyId = '', SecurityToken } = answer.Credentials ?? {};
  const found = await sts.credentials.find(AccessKeyId, SecurityToken);
  if (found === undefined || 'token' in found) throw new Error('the credentials are not known');
  found.secret.fill(0);
  return { ...found.caller, sourceIp: '192.0.2.7' };
}
