import type { Action } from '../../../api/action.ts';
import type { ListGroupsInput, ListGroupsOutput } from '../../../api/generated/ram.ts';
import { listGroups as listGroupRows } from '../../../metadata/groups.ts';
import { allGroups } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { groupView } from '../group-view.ts';
import { pageByMarker } from '../marker.ts';

/** Lists groups by name, page by page. Source: apis.md, ListGroups. */
export const listGroups = (deps: RamDependencies): Action<ListGroupsInput, ListGroupsOutput> => ({
  product: 'ram',
  name: 'ListGroups',
  access: ({ caller }) => [{ action: 'ram:ListGroups', resource: allGroups(caller) }],
  run: async ({ input, caller: { accountId } }) => {
    const { rows, more } = await pageByMarker(input, {
      scope: `ListGroups ${accountId}`,
      list: (page) => listGroupRows(deps.database.read, accountId, page),
      nameOf: (group) => group.groupNameLower,
    });
    return { Groups: { Group: rows.map(groupView) }, ...more };
  },
});
