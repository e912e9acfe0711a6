import type { Action } from '../../../api/action.ts';
import type { RemoveUserFromGroupInput, RemoveUserFromGroupOutput } from '../../../api/generated/ram.ts';
import { deleteGroupMember } from '../../../metadata/groups.ts';
import { membershipAccess, requestedMembership } from '../membership.ts';
import type { RamDependencies } from '../dependencies.ts';
import { missing } from '../refusals.ts';

/** Takes a user out of a group, whose policies no longer bind the user from the next call. Source: apis.md, RemoveUserFromGroup. */
export const removeUserFromGroup = (
  deps: RamDependencies,
): Action<RemoveUserFromGroupInput, RemoveUserFromGroupOutput> => ({
  product: 'ram',
  name: 'RemoveUserFromGroup',
  access: ({ input, caller }) => membershipAccess('RemoveUserFromGroup', caller, input),
  run: ({ input, caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      const { user, group } = await requestedMembership(transaction, accountId, input);
      const { userNameLower } = user;
      const { groupNameLower } = group;
      if ((await deleteGroupMember(transaction, { accountId, groupNameLower, userNameLower })) === 0) {
        const message = `The user ${user.userName} is not in the group ${group.groupName}; ListGroupsForUser shows its groups.`;
        throw missing('User.Group', message);
      }
      return {};
    }),
});
