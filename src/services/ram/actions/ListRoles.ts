import type { Action } from '../../../api/action.ts';
import type { ListRolesInput, ListRolesOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { listRoles as listRoleRows } from '../../../metadata/roles.ts';
import { allRoles } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { LIST_ITEMS } from '../limits.ts';
import { decodeMarker, encodeMarker } from '../marker.ts';
import { invalid } from '../refusals.ts';
import { roleView } from '../role-view.ts';
import { checkedTagFilters } from '../tag-parameter.ts';

/** Lists roles by name, page by page. Source: apis.md, ListRoles and "RAM notes". */
export const listRoles = (deps: RamDependencies): Action<ListRolesInput, ListRolesOutput> => ({
  product: 'ram',
  name: 'ListRoles',
  access: ({ caller }) => [{ action: 'ram:ListRoles', resource: allRoles(caller) }],
  run: async ({ input, caller }) => {
    const limit = input.MaxItems ?? LIST_ITEMS.default;
    if (!Number.isInteger(limit) || limit < 1 || limit > LIST_ITEMS.max) {
      throw invalid('MaxItems', '', `must be a whole number from 1 to ${LIST_ITEMS.max}`);
    }
    const after = input.Marker === undefined ? undefined : decodeMarker(caller.accountId, input.Marker);
    const tags = checkedTagFilters(input.Tag);
    // One more than asked for tells whether the list goes on.
    const found = await listRoleRows(deps.database.read, caller.accountId, { after, limit: limit + 1, tags });
    const roles = found.slice(0, limit);
    const last = roles.at(-1);
    const isTruncated = found.length > limit && last !== undefined;
    return {
      Roles: {
        Role: roles.map((role) => ({
          ...roleView(role),
          UpdateDate: isoSeconds(role.updatedMs),
          Tags: { Tag: role.tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) },
        })),
      },
      IsTruncated: isTruncated,
      ...(isTruncated ? { Marker: encodeMarker(caller.accountId, last.roleNameLower) } : {}),
    };
  },
});
