import type { Action } from '../../../api/action.ts';
import type { AttachPolicyToUserInput, AttachPolicyToUserOutput } from '../../../api/generated/ram.ts';
import { attachPolicy, attachmentAccess } from '../attachments.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Puts a policy in force for a user, from the user's next call. Source: apis.md, AttachPolicyToUser; facts.md 6.4. */
export const attachPolicyToUser = (
  deps: RamDependencies,
): Action<AttachPolicyToUserInput, AttachPolicyToUserOutput> => ({
  product: 'ram',
  name: 'AttachPolicyToUser',
  access: ({ input, caller }) =>
    attachmentAccess('AttachPolicyToUser', caller, { type: 'user', name: input.UserName }, input),
  run: ({ input, caller }) => attachPolicy(deps, caller, { type: 'user', name: input.UserName }, input),
});
