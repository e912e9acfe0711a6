import type { Action, Caller } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { AssumeRoleInput, AssumeRoleOutput } from '../../../api/generated/sts.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { roleArn, sessionArn } from '../../../ram/arn.ts';
import { assumeRole as startSession } from '../../../ram/assume-role.ts';
import type { StsDependencies } from '../dependencies.ts';
import {
  checkedDuration,
  checkedExternalId,
  checkedRoleArn,
  checkedSessionName,
  checkedSessionPolicy,
  checkedSourceIdentity,
  invalid,
} from '../parameter-rules.ts';

/**
 * Gives a user, or a session of a role, credentials of a role for a while. Needs both the caller's own policies and the
 * role's trust policy. Source: apis.md, AssumeRole; facts.md 6.4 and 6.5.
 */
export const assumeRole = (deps: StsDependencies): Action<AssumeRoleInput, AssumeRoleOutput> => ({
  product: 'sts',
  name: 'AssumeRole',
  access: ({ input }) => {
    const { accountId, roleName } = checkedRoleArn(input.RoleArn);
    return [{ action: 'sts:AssumeRole', resource: roleArn(accountId, roleName) }];
  },
  run: async ({ input, caller }) => {
    if (caller.principalType === 'Account') throw notForAccounts();
    const { accountId, roleName } = checkedRoleArn(input.RoleArn);
    const sessionName = checkedSessionName(input.RoleSessionName);
    const externalId = checkedExternalId(input.ExternalId);
    const sourceIdentity = checkedSourceIdentity(input.SourceIdentity, caller.session?.sourceIdentity ?? '');
    const verdict = await startSession(deps, {
      accountId,
      roleName,
      assumedBy: principalOf(caller),
      context: {
        'acs:CurrentTime': isoSeconds(deps.clock.nowMs()),
        'acs:SourceIp': caller.sourceIp,
        'acs:SecureTransport': String(caller.secureTransport ?? false),
        'acs:PrincipalARN': principalOf(caller),
        'sts:RoleSessionName': sessionName,
        ...(externalId === undefined ? {} : { 'sts:ExternalId': externalId }),
        ...(sourceIdentity === '' ? {} : { 'sts:SourceIdentity': sourceIdentity }),
      },
      sessionName,
      durationS: checkedDuration(input.DurationSeconds, caller.session !== undefined),
      sourceIdentity,
      policy: checkedSessionPolicy(input.Policy),
    });
    if (verdict === 'role-missing' && accountId === caller.accountId) throw unknownRole(roleName);
    // Of another account, a role that is not there looks like one that trusts somebody else.
    if (verdict === 'role-missing' || verdict === 'not-trusted') throw notTrusted(caller, roleArn(accountId, roleName));
    if ('durationMaxS' in verdict) {
      throw invalid('DurationSeconds', `must be at most ${verdict.durationMaxS}, the role's MaxSessionDuration`);
    }
    const { session, accessKeySecret, securityToken } = verdict;
    return {
      AssumedRoleUser: {
        Arn: sessionArn(accountId, session.roleName, sessionName),
        AssumedRoleId: `${session.roleId}:${sessionName}`,
      },
      Credentials: {
        AccessKeyId: session.accessKeyId,
        AccessKeySecret: accessKeySecret,
        SecurityToken: securityToken,
        Expiration: isoSeconds(session.expiresMs),
      },
      ...(sourceIdentity === '' ? {} : { SourceIdentity: sourceIdentity }),
    };
  },
});

/** A session acts as its role. */
function principalOf({ accountId, arn, session }: Caller): string {
  return session === undefined ? arn : roleArn(accountId, session.roleName);
}

function notForAccounts(): ApiError {
  return new ApiError(
    'NoPermission',
    403,
    'An account itself cannot assume roles. Use the AccessKey of a RAM user that may call sts:AssumeRole.',
  );
}

function unknownRole(roleName: string): ApiError {
  return new ApiError(
    'EntityNotExist.Role',
    404,
    `There is no role ${roleName} in this account; CreateRole makes one.`,
  );
}

function notTrusted(caller: Caller, arn: string): ApiError {
  return new ApiError(
    'NoPermission',
    403,
    `${principalOf(caller)} may not assume ${arn}: there is no such role, or its trust policy does not let you in under these conditions.`,
  );
}
