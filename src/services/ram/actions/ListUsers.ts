import type { Action } from '../../../api/action.ts';
import type { ListUsersInput, ListUsersOutput } from '../../../api/generated/ram.ts';
import { listUsers as listUserRows } from '../../../metadata/users.ts';
import { allUsers } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { pageByMarker } from '../marker.ts';
import { userView } from '../user-view.ts';

/** Lists users by name, page by page. Source: apis.md, ListUsers. */
export const listUsers = (deps: RamDependencies): Action<ListUsersInput, ListUsersOutput> => ({
  product: 'ram',
  name: 'ListUsers',
  access: ({ caller }) => [{ action: 'ram:ListUsers', resource: allUsers(caller) }],
  run: async ({ input, caller: { accountId } }) => {
    const { rows, more } = await pageByMarker(input, {
      scope: `ListUsers ${accountId}`,
      list: (page) => listUserRows(deps.database.read, accountId, page),
      nameOf: (user) => user.userNameLower,
    });
    return { Users: { User: rows.map(userView) }, ...more };
  },
});
