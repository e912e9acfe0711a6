import type { Action } from '../../../api/action.ts';
import type {
  ListPoliciesForRoleInput,
  ListPoliciesForRoleOutput,
  ListPoliciesForRoleOutputPolicy,
} from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { findPolicy } from '../../../metadata/policies.ts';
import { listAttachments } from '../../../metadata/policy-attachments.ts';
import type { PolicyAttachment } from '../../../metadata/policy-attachments.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { findRole } from '../../../metadata/roles.ts';
import { roleArn } from '../../../ram/arn.ts';
import { SYSTEM_POLICIES, SYSTEM_POLICY_VERSION } from '../../../ram/system-policies.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedRoleName } from '../parameter-rules.ts';
import { unknownRole } from '../refusals.ts';

/** Lists what is attached to a role, all at once, in order of attachment. Source: apis.md, ListPoliciesForRole. */
export const listPoliciesForRole = (
  deps: RamDependencies,
): Action<ListPoliciesForRoleInput, ListPoliciesForRoleOutput> => ({
  product: 'ram',
  name: 'ListPoliciesForRole',
  access: ({ input, caller }) => [
    { action: 'ram:ListPoliciesForRole', resource: roleArn(caller.accountId, input.RoleName) },
  ],
  run: async ({ input, caller: { accountId } }) => {
    const reader = deps.database.read;
    const role = await findRole(reader, accountId, checkedRoleName(input.RoleName));
    if (role === undefined) throw unknownRole(input.RoleName);
    const holder = { accountId, principalType: 'role', principalName: role.roleNameLower } as const;
    const attachments = await listAttachments(reader, holder);
    return { Policies: { Policy: await Promise.all(attachments.map((one) => policyView(reader, one))) } };
  },
});

async function policyView(reader: Reader, attachment: PolicyAttachment): Promise<ListPoliciesForRoleOutputPolicy> {
  const { accountId, policyType, policyName, attachedMs } = attachment;
  const custom = policyType === 'Custom' ? await findPolicy(reader, accountId, policyName) : undefined;
  const system = policyType === 'System' ? SYSTEM_POLICIES.get(policyName) : undefined;
  return {
    PolicyName: policyName,
    PolicyType: policyType,
    Description: custom?.description ?? system?.description ?? '',
    DefaultVersion: custom?.defaultVersion ?? SYSTEM_POLICY_VERSION,
    AttachDate: isoSeconds(attachedMs),
  };
}
