import type { Action } from '../../../api/action.ts';
import type { AttachPolicyToGroupInput, AttachPolicyToGroupOutput } from '../../../api/generated/ram.ts';
import { attachPolicy, attachmentAccess } from '../attachments.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Puts a policy in force for everybody in a group, from their next call. Source: apis.md, AttachPolicyToGroup; facts.md 6.4. */
export const attachPolicyToGroup = (
  deps: RamDependencies,
): Action<AttachPolicyToGroupInput, AttachPolicyToGroupOutput> => ({
  product: 'ram',
  name: 'AttachPolicyToGroup',
  access: ({ input, caller }) =>
    attachmentAccess('AttachPolicyToGroup', caller, { type: 'group', name: input.GroupName }, input),
  run: ({ input, caller }) => attachPolicy(deps, caller, { type: 'group', name: input.GroupName }, input),
});
