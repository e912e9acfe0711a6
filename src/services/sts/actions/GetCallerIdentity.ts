import type { Action } from '../../../api/action.ts';
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
      // The account is its own principal and its own user.
      PrincipalId: caller.accountId,
      UserId: caller.accountId,
      Arn: caller.arn,
    }),
});
