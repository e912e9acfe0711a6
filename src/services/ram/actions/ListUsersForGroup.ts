import type { Action } from '../../../api/action.ts';
import type { ListUsersForGroupInput, ListUsersForGroupOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { findGroup, listUsersOfGroup } from '../../../metadata/groups.ts';
import type { GroupMember } from '../../../metadata/groups.ts';
import { findUser } from '../../../metadata/users.ts';
import { groupAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { pageByMarker, pageOf } from '../marker.ts';
import { checkedGroupName } from '../parameter-rules.ts';
import { unknownGroup } from '../refusals.ts';

/** Lists the users that are in a group by name, page by page. Source: apis.md, ListUsersForGroup. */
export const listUsersForGroup = (deps: RamDependencies): Action<ListUsersForGroupInput, ListUsersForGroupOutput> => ({
  product: 'ram',
  name: 'ListUsersForGroup',
  access: ({ input, caller }) => groupAccess('ListUsersForGroup', caller, input.GroupName),
  run: async ({ input, caller: { accountId } }) => {
    const reader = deps.database.read;
    const group = await findGroup(reader, accountId, checkedGroupName(input.GroupName));
    if (group === undefined) throw unknownGroup(input.GroupName);
    const members = await listUsersOfGroup(reader, accountId, group.groupNameLower);
    const { rows, more } = await pageByMarker<GroupMember>(input, {
      scope: `ListUsersForGroup ${accountId} ${group.groupId}`,
      list: pageOf(members, (member) => member.userNameLower),
      nameOf: (member) => member.userNameLower,
    });
    const users = await Promise.all(
      rows.map(async ({ userNameLower, joinedMs }) => {
        const user = await findUser(reader, accountId, userNameLower);
        return user === undefined ? [] : [{ user, joinedMs }];
      }),
    );
    return {
      Users: {
        User: users.flat().map(({ user, joinedMs }) => ({
          UserName: user.userName,
          DisplayName: user.displayName,
          JoinDate: isoSeconds(joinedMs),
        })),
      },
      ...more,
    };
  },
});
