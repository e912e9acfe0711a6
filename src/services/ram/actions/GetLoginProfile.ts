import type { Action } from '../../../api/action.ts';
import type { GetLoginProfileInput, GetLoginProfileOutput } from '../../../api/generated/ram.ts';
import { userAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { loginProfileView, requestedLoginProfile } from '../login-profile-view.ts';

/** Shows how a user may log in, without the password. Source: apis.md, GetLoginProfile. */
export const getLoginProfile = (deps: RamDependencies): Action<GetLoginProfileInput, GetLoginProfileOutput> => ({
  product: 'ram',
  name: 'GetLoginProfile',
  access: ({ input, caller }) => userAccess('GetLoginProfile', caller, input.UserName),
  run: async ({ input, caller: { accountId } }) => {
    const { user, profile } = await requestedLoginProfile(deps.database.read, accountId, input.UserName);
    return { LoginProfile: loginProfileView(user, profile) };
  },
});
