import type { Action } from '../../../api/action.ts';
import type { GetRoleInput, GetRoleOutput } from '../../../api/generated/ram.ts';
import { findRole } from '../../../metadata/roles.ts';
import { roleArn } from '../../../ram/arn.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedRoleName } from '../parameter-rules.ts';
import { unknownRole } from '../refusals.ts';
import { fullRoleView } from '../role-view.ts';

/** Shows a role with its trust policy. Source: apis.md, GetRole. */
export const getRole = (deps: RamDependencies): Action<GetRoleInput, GetRoleOutput> => ({
  product: 'ram',
  name: 'GetRole',
  access: ({ input, caller }) => [{ action: 'ram:GetRole', resource: roleArn(caller.accountId, input.RoleName) }],
  run: async ({ input, caller }) => {
    const role = await findRole(deps.database.read, caller.accountId, checkedRoleName(input.RoleName));
    if (role === undefined) throw unknownRole(input.RoleName);
    return { Role: fullRoleView(role) };
  },
});
