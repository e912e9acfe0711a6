import type { Action } from '../../../api/action.ts';
import type { CreateLoginProfileInput, CreateLoginProfileOutput } from '../../../api/generated/ram.ts';
import { findLoginProfile, insertLoginProfile } from '../../../metadata/login-profiles.ts';
import { findUser } from '../../../metadata/users.ts';
import { hashPassword } from '../../../ram/passwords.ts';
import { userAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { loginProfileView } from '../login-profile-view.ts';
import { checkedPassword, checkedUserName } from '../parameter-rules.ts';
import { exists, unknownUser } from '../refusals.ts';

/** Gives a user a password. Source: apis.md, CreateLoginProfile. */
export const createLoginProfile = (
  deps: RamDependencies,
): Action<CreateLoginProfileInput, CreateLoginProfileOutput> => ({
  product: 'ram',
  name: 'CreateLoginProfile',
  access: ({ input, caller }) => userAccess('CreateLoginProfile', caller, input.UserName),
  run: async ({ input, caller: { accountId } }) => {
    const userName = checkedUserName(input.UserName);
    const password = checkedPassword(input.Password);
    const user = await findUser(deps.database.read, accountId, userName);
    if (user === undefined) throw unknownUser(userName);
    const passwordSealed = await hashPassword(deps, user, password);
    return await deps.database.transact(async (transaction) => {
      const current = await findUser(transaction, accountId, userName);
      if (current?.userId !== user.userId) throw unknownUser(userName);
      if ((await findLoginProfile(transaction, user.userId)) !== undefined) {
        const message = `The user ${current.userName} has a login profile already; UpdateLoginProfile changes it.`;
        throw exists('User.LoginProfile', message);
      }
      const profile = {
        userId: user.userId,
        accountId,
        passwordSealed,
        passwordResetRequired: input.PasswordResetRequired ?? false,
        mfaBindRequired: input.MFABindRequired ?? false,
        createdMs: deps.clock.nowMs(),
      };
      await insertLoginProfile(transaction, profile);
      return { LoginProfile: loginProfileView(current, profile) };
    });
  },
});
