import type { Action, Caller } from '../../../api/action.ts';
import type { GetCallerIdentityInput, GetCallerIdentityOutput } from '../../../api/generated/sts.ts';

/** Tells callers who they are; everybody may ask. Source: facts.md 6.5; apis.md, GetCallerIdentity. */
export const getCallerIdentity = (): Action<GetCallerIdentityInput, GetCallerIdentityOutput> => ({
  product: 'sts',
  name: 'GetCallerIdentity',
  access: () => [],
  run: ({ caller }) =>
    Promise.resolve({
      IdentityType: caller.principalType,
      AccountId: caller.accountId,
      Arn: caller.arn,
      ...principal(caller),
    }),
});

function principal({ accountId, userId, session }: Caller): GetCallerIdentityOutput {
  if (session !== undefined) {
    return { PrincipalId: `${session.roleId}:${session.sessionName}`, RoleId: session.roleId };
  }
  // The account is its own principal and its own user.
  const id = userId ?? accountId;
  return { PrincipalId: id, UserId: id };
}
