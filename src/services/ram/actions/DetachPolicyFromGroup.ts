import type { Action } from '../../../api/action.ts';
import type { DetachPolicyFromGroupInput, DetachPolicyFromGroupOutput } from '../../../api/generated/ram.ts';
import { attachmentAccess, detachPolicy } from '../attachments.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Takes a policy from a group: what it allowed is refused from the next call. Source: apis.md, DetachPolicyFromGroup. */
export const detachPolicyFromGroup = (
  deps: RamDependencies,
): Action<DetachPolicyFromGroupInput, DetachPolicyFromGroupOutput> => ({
  product: 'ram',
  name: 'DetachPolicyFromGroup',
  access: ({ input, caller }) =>
    attachmentAccess('DetachPolicyFromGroup', caller, { type: 'group', name: input.GroupName }, input),
  run: ({ input, caller }) => detachPolicy(deps, caller, { type: 'group', name: input.GroupName }, input),
});
