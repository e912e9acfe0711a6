import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { AttachPolicyToRoleInput, AttachPolicyToRoleOutput } from '../../../api/generated/ram.ts';
import { findPolicy } from '../../../metadata/policies.ts';
import { insertAttachment, listAttachments } from '../../../metadata/policy-attachments.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { SYSTEM_POLICIES } from '../../../ram/system-policies.ts';
import { attachmentAccess } from '../access.ts';
import { requestedAttachment } from '../attachment-request.ts';
import type { RoleAttachment } from '../attachment-request.ts';
import type { RamDependencies } from '../dependencies.ts';
import { ROLE_POLICIES_MAX } from '../limits.ts';
import { unknownPolicy } from '../refusals.ts';

/** Puts a policy in force for a role, from the role's next use. Source: apis.md, AttachPolicyToRole; facts.md 6.4. */
export const attachPolicyToRole = (
  deps: RamDependencies,
): Action<AttachPolicyToRoleInput, AttachPolicyToRoleOutput> => ({
  product: 'ram',
  name: 'AttachPolicyToRole',
  access: ({ input, caller }) => attachmentAccess('ram:AttachPolicyToRole', caller, input),
  run: ({ input, caller }) =>
    deps.database.transact(async (transaction) => {
      const attachment = await requestedAttachment(transaction, caller, input);
      const { policyType, policyName } = attachment;
      if (!(await policyExists(transaction, attachment))) throw unknownPolicy(policyType, policyName);
      const sameType = (await listAttachments(transaction, attachment)).filter((one) => one.policyType === policyType);
      if (sameType.some((one) => one.policyName === policyName)) {
        throw new ApiError(
          'EntityAlreadyExists.Role.Policy',
          409,
          `The role ${input.RoleName} has the ${policyType} policy ${policyName} already.`,
        );
      }
      if (sameType.length >= ROLE_POLICIES_MAX[policyType]) {
        throw new ApiError(
          'LimitExceeded.Role.Policy',
          409,
          `A role has at most ${ROLE_POLICIES_MAX[policyType]} ${policyType} policies; detach one first.`,
        );
      }
      await insertAttachment(transaction, { ...attachment, attachedMs: deps.clock.nowMs() });
      return {};
    }),
});

async function policyExists(reader: Reader, { accountId, policyType, policyName }: RoleAttachment): Promise<boolean> {
  if (policyType === 'System') return SYSTEM_POLICIES.has(policyName);
  return (await findPolicy(reader, accountId, policyName)) !== undefined;
}
