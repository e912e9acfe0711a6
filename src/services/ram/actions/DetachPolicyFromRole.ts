import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { DetachPolicyFromRoleInput, DetachPolicyFromRoleOutput } from '../../../api/generated/ram.ts';
import { deleteAttachment } from '../../../metadata/policy-attachments.ts';
import { attachmentAccess } from '../access.ts';
import { requestedAttachment } from '../attachment-request.ts';
import type { RamDependencies } from '../dependencies.ts';

/** Takes a policy from a role: what it allowed is refused from the role's next use. Source: apis.md, DetachPolicyFromRole. */
export const detachPolicyFromRole = (
  deps: RamDependencies,
): Action<DetachPolicyFromRoleInput, DetachPolicyFromRoleOutput> => ({
  product: 'ram',
  name: 'DetachPolicyFromRole',
  access: ({ input, caller }) => attachmentAccess('ram:DetachPolicyFromRole', caller, input),
  run: ({ input, caller }) =>
    deps.database.transact(async (transaction) => {
      const attachment = await requestedAttachment(transaction, caller, input);
      if ((await deleteAttachment(transaction, attachment)) === 0) {
        throw new ApiError(
          'EntityNotExist.Role.Policy',
          404,
          `The role ${input.RoleName} has no ${input.PolicyType} policy ${input.PolicyName}; ListPoliciesForRole shows what it has.`,
        );
      }
      return {};
    }),
});
