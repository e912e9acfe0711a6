import type { Action } from '../../../api/action.ts';
import type { DetachPolicyFromRoleInput, DetachPolicyFromRoleOutput } from '../../../api/generated/ram.ts';
import { attachmentAccess, detachPolicy } from '../attachments.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Takes a policy from a role: what it allowed is refused from the next call. Source: apis.md, DetachPolicyFromRole. */
export const detachPolicyFromRole = (
  deps: RamDependencies,
): Action<DetachPolicyFromRoleInput, DetachPolicyFromRoleOutput> => ({
  product: 'ram',
  name: 'DetachPolicyFromRole',
  access: ({ input, caller }) =>
    attachmentAccess('DetachPolicyFromRole', caller, { type: 'role', name: input.RoleName }, input),
  run: ({ input, caller }) => detachPolicy(deps, caller, { type: 'role', name: input.RoleName }, input),
});
