import type { Action } from '../../../api/action.ts';
import type { ListPoliciesForRoleInput, ListPoliciesForRoleOutput } from '../../../api/generated/ram.ts';
import { holderArn } from '../attachments.ts';
import { attachedViews } from '../attached-views.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Lists what is attached to a role, all at once, in order of attachment. Source: apis.md, ListPoliciesForRole. */
export const listPoliciesForRole = (
  deps: RamDependencies,
): Action<ListPoliciesForRoleInput, ListPoliciesForRoleOutput> => ({
  product: 'ram',
  name: 'ListPoliciesForRole',
  access: ({ input, caller }) => [
    {
      action: 'ram:ListPoliciesForRole',
      resource: holderArn(caller.accountId, { type: 'role', name: input.RoleName }),
    },
  ],
  run: ({ input, caller }) => attachedViews(deps, caller, { type: 'role', name: input.RoleName }),
});
