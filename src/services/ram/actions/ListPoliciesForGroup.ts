import type { Action } from '../../../api/action.ts';
import type { ListPoliciesForGroupInput, ListPoliciesForGroupOutput } from '../../../api/generated/ram.ts';
import { holderArn } from '../attachments.ts';
import { attachedViews } from '../attached-views.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Lists what is attached to a group, all at once, in order of attachment. Source: apis.md, ListPoliciesForGroup. */
export const listPoliciesForGroup = (
  deps: RamDependencies,
): Action<ListPoliciesForGroupInput, ListPoliciesForGroupOutput> => ({
  product: 'ram',
  name: 'ListPoliciesForGroup',
  access: ({ input, caller }) => [
    {
      action: 'ram:ListPoliciesForGroup',
      resource: holderArn(caller.accountId, { type: 'group', name: input.GroupName }),
    },
  ],
  run: ({ input, caller }) => attachedViews(deps, caller, { type: 'group', name: input.GroupName }),
});
