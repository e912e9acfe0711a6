import type { Action } from '../../../api/action.ts';
import type { DeleteLoginProfileInput, DeleteLoginProfileOutput } from '../../../api/generated/ram.ts';
import { deleteLoginProfile as deleteLoginProfileRow } from '../../../metadata/login-profiles.ts';
import { userAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { requestedLoginProfile } from '../login-profile-view.ts';

/** Takes the password from a user; AccessKeys stay. Source: apis.md, DeleteLoginProfile. */
export const deleteLoginProfile = (
  deps: RamDependencies,
): Action<DeleteLoginProfileInput, DeleteLoginProfileOutput> => ({
  product: 'ram',
  name: 'DeleteLoginProfile',
  access: ({ input, caller }) => userAccess('DeleteLoginProfile', caller, input.UserName),
  run: ({ input, caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      const { profile } = await requestedLoginProfile(transaction, accountId, input.UserName);
      await deleteLoginProfileRow(transaction, profile.userId);
      return {};
    }),
});
