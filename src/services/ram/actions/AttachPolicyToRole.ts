import type { Action } from '../../../api/action.ts';
import type { AttachPolicyToRoleInput, AttachPolicyToRoleOutput } from '../../../api/generated/ram.ts';
import { attachPolicy, attachmentAccess } from '../attachments.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Puts a policy in force for a role, from the role's next use. Source: apis.md, AttachPolicyToRole; facts.md 6.4. */
export const attachPolicyToRole = (
  deps: RamDependencies,
): Action<AttachPolicyToRoleInput, AttachPolicyToRoleOutput> => ({
  product: 'ram',
  name: 'AttachPolicyToRole',
  access: ({ input, caller }) =>
    attachmentAccess('AttachPolicyToRole', caller, { type: 'role', name: input.RoleName }, input),
  run: ({ input, caller }) => attachPolicy(deps, caller, { type: 'role', name: input.RoleName }, input),
});
