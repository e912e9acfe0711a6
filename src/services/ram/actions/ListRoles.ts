import type { Action } from '../../../api/action.ts';
import type { ListRolesInput, ListRolesOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { listRoles as listRoleRows } from '../../../metadata/roles.ts';
import { allRoles } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { pageByMarker } from '../marker.ts';
import { roleView } from '../role-view.ts';
import { checkedTagFilters } from '../tag-parameter.ts';

/** Lists roles by name, page by page. Source: apis.md, ListRoles and "RAM notes". */
export const listRoles = (deps: RamDependencies): Action<ListRolesInput, ListRolesOutput> => ({
  product: 'ram',
  name: 'ListRoles',
  access: ({ caller }) => [{ action: 'ram:ListRoles', resource: allRoles(caller) }],
  run: async ({ input, caller: { accountId } }) => {
    const tags = checkedTagFilters(input.Tag);
    const { rows, more } = await pageByMarker(input, {
      scope: `ListRoles ${accountId}`,
      list: (page) => listRoleRows(deps.database.read, accountId, { ...page, tags }),
      nameOf: (role) => role.roleNameLower,
    });
    return {
      Roles: {
        Role: rows.map((role) => ({
          ...roleView(role),
          UpdateDate: isoSeconds(role.updatedMs),
          Tags: { Tag: role.tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) },
        })),
      },
      ...more,
    };
  },
});
