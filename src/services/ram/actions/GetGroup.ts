import type { Action } from '../../../api/action.ts';
import type { GetGroupInput, GetGroupOutput } from '../../../api/generated/ram.ts';
import { findGroup } from '../../../metadata/groups.ts';
import { groupAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { groupView } from '../group-view.ts';
import { checkedGroupName } from '../parameter-rules.ts';
import { unknownGroup } from '../refusals.ts';

/** Shows a group. Source: apis.md, GetGroup. */
export const getGroup = (deps: RamDependencies): Action<GetGroupInput, GetGroupOutput> => ({
  product: 'ram',
  name: 'GetGroup',
  access: ({ input, caller }) => groupAccess('GetGroup', caller, input.GroupName),
  run: async ({ input, caller }) => {
    const group = await findGroup(deps.database.read, caller.accountId, checkedGroupName(input.GroupName));
    if (group === undefined) throw unknownGroup(input.GroupName);
    return { Group: groupView(group) };
  },
});
