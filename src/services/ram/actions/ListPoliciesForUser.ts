import type { Action } from '../../../api/action.ts';
import type { ListPoliciesForUserInput, ListPoliciesForUserOutput } from '../../../api/generated/ram.ts';
import { holderArn } from '../attachments.ts';
import { attachedViews } from '../attached-views.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Lists what is attached to a user, all at once, in order of attachment. Source: apis.md, ListPoliciesForUser. */
export const listPoliciesForUser = (
  deps: RamDependencies,
): Action<ListPoliciesForUserInput, ListPoliciesForUserOutput> => ({
  product: 'ram',
  name: 'ListPoliciesForUser',
  access: ({ input, caller }) => [
    {
      action: 'ram:ListPoliciesForUser',
      resource: holderArn(caller.accountId, { type: 'user', name: input.UserName }),
    },
  ],
  run: ({ input, caller }) => attachedViews(deps, caller, { type: 'user', name: input.UserName }),
});
