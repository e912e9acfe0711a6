import type { Action } from '../../../api/action.ts';
import type { DetachPolicyFromUserInput, DetachPolicyFromUserOutput } from '../../../api/generated/ram.ts';
import { attachmentAccess, detachPolicy } from '../attachments.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Takes a policy from a user: what it allowed is refused from the next call. Source: apis.md, DetachPolicyFromUser. */
export const detachPolicyFromUser = (
  deps: RamDependencies,
): Action<DetachPolicyFromUserInput, DetachPolicyFromUserOutput> => ({
  product: 'ram',
  name: 'DetachPolicyFromUser',
  access: ({ input, caller }) =>
    attachmentAccess('DetachPolicyFromUser', caller, { type: 'user', name: input.UserName }, input),
  run: ({ input, caller }) => detachPolicy(deps, caller, { type: 'user', name: input.UserName }, input),
});
