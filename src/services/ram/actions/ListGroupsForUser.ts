import type { Action } from '../../../api/action.ts';
import type { ListGroupsForUserInput, ListGroupsForUserOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { findGroup, listGroupsOfUser } from '../../../metadata/groups.ts';
import { findUser } from '../../../metadata/users.ts';
import { userAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedUserName } from '../parameter-rules.ts';
import { unknownUser } from '../refusals.ts';

/** Lists the groups that a user is in, all at once, by name. Source: apis.md, ListGroupsForUser. */
export const listGroupsForUser = (deps: RamDependencies): Action<ListGroupsForUserInput, ListGroupsForUserOutput> => ({
  product: 'ram',
  name: 'ListGroupsForUser',
  access: ({ input, caller }) => userAccess('ListGroupsForUser', caller, input.UserName),
  run: async ({ input, caller: { accountId } }) => {
    const reader = deps.database.read;
    const user = await findUser(reader, accountId, checkedUserName(input.UserName));
    if (user === undefined) throw unknownUser(input.UserName);
    const memberships = await listGroupsOfUser(reader, accountId, user.userNameLower);
    const groups = await Promise.all(
      memberships.map(async ({ groupNameLower, joinedMs }) => {
        const group = await findGroup(reader, accountId, groupNameLower);
        return group === undefined ? [] : [{ group, joinedMs }];
      }),
    );
    return {
      Groups: {
        Group: groups.flat().map(({ group, joinedMs }) => ({
          GroupId: group.groupId,
          GroupName: group.groupName,
          Comments: group.comments,
          JoinDate: isoSeconds(joinedMs),
        })),
      },
    };
  },
});
