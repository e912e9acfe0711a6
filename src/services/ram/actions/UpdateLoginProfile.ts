import type { Action } from '../../../api/action.ts';
import type { UpdateLoginProfileInput, UpdateLoginProfileOutput } from '../../../api/generated/ram.ts';
import { updateLoginProfile as updateLoginProfileRow } from '../../../metadata/login-profiles.ts';
import { hashPassword } from '../../../ram/passwords.ts';
import { userAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { requestedLoginProfile } from '../login-profile-view.ts';
import { checkedPassword } from '../parameter-rules.ts';
import { unknownUser } from '../refusals.ts';

/** Changes what is given of how a user may log in, and keeps the rest. Source: apis.md, UpdateLoginProfile. */
export const updateLoginProfile = (
  deps: RamDependencies,
): Action<UpdateLoginProfileInput, UpdateLoginProfileOutput> => ({
  product: 'ram',
  name: 'UpdateLoginProfile',
  access: ({ input, caller }) => userAccess('UpdateLoginProfile', caller, input.UserName),
  run: async ({ input, caller: { accountId } }) => {
    const { Password: password, PasswordResetRequired: reset, MFABindRequired: mfa } = input;
    if (password !== undefined) checkedPassword(password);
    const { user } = await requestedLoginProfile(deps.database.read, accountId, input.UserName);
    const changes = {
      ...(password !== undefined && { passwordSealed: await hashPassword(deps, user, password) }),
      ...(reset !== undefined && { passwordResetRequired: reset }),
      ...(mfa !== undefined && { mfaBindRequired: mfa }),
    };
    return await deps.database.transact(async (transaction) => {
      const current = await requestedLoginProfile(transaction, accountId, input.UserName);
      // The password was sealed for the user who had this name before.
      if (current.user.userId !== user.userId) throw unknownUser(input.UserName);
      await updateLoginProfileRow(transaction, user.userId, changes);
      return {};
    });
  },
});
