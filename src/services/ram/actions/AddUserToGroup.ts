import type { Action } from '../../../api/action.ts';
import type { AddUserToGroupInput, AddUserToGroupOutput } from '../../../api/generated/ram.ts';
import { insertGroupMember, listGroupsOfUser } from '../../../metadata/groups.ts';
import { membershipAccess, requestedMembership } from '../membership.ts';
import type { RamDependencies } from '../dependencies.ts';
import { GROUPS_OF_USER_MAX } from '../limits.ts';
import { exists, limitExceeded } from '../refusals.ts';

/** Puts a user into a group, whose policies bind the user from the next call. Source: apis.md, AddUserToGroup. */
export const addUserToGroup = (deps: RamDependencies): Action<AddUserToGroupInput, AddUserToGroupOutput> => ({
  product: 'ram',
  name: 'AddUserToGroup',
  access: ({ input, caller }) => membershipAccess('AddUserToGroup', caller, input),
  run: ({ input, caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      const { user, group } = await requestedMembership(transaction, accountId, input);
      const { userName, userNameLower } = user;
      const { groupName, groupNameLower } = group;
      const memberships = await listGroupsOfUser(transaction, accountId, userNameLower);
      if (memberships.some((one) => one.groupNameLower === groupNameLower)) {
        throw exists('User.Group', `The user ${userName} is in the group ${groupName} already.`);
      }
      if (memberships.length >= GROUPS_OF_USER_MAX) {
        throw limitExceeded(
          'User.Group',
          `A user is in at most ${GROUPS_OF_USER_MAX} groups; remove it from one first.`,
        );
      }
      await insertGroupMember(transaction, {
        accountId,
        groupNameLower,
        userNameLower,
        joinedMs: deps.clock.nowMs(),
      });
      return {};
    }),
});
