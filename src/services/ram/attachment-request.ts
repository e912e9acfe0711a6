import type { Caller } from '../../api/action.ts';
import type { PolicyAttachment } from '../../metadata/policy-attachments.ts';
import type { Reader } from '../../metadata/reader.ts';
import { findRole } from '../../metadata/roles.ts';
import { checkedPolicyName, checkedPolicyType, checkedRoleName } from './parameter-rules.ts';
import { unknownRole } from './refusals.ts';

/** Which policy, on which role. */
export type RoleAttachment = Omit<PolicyAttachment, 'attachedMs'>;

/** The attachment that a call names; its role exists. */
export async function requestedAttachment(
  reader: Reader,
  caller: Caller,
  input: { readonly RoleName: string; readonly PolicyName: string; readonly PolicyType: string },
): Promise<RoleAttachment> {
  const policyType = checkedPolicyType(input.PolicyType);
  const policyName = checkedPolicyName(input.PolicyName);
  const role = await findRole(reader, caller.accountId, checkedRoleName(input.RoleName));
  if (role === undefined) throw unknownRole(input.RoleName);
  const { accountId, roleNameLower: principalName } = role;
  return { accountId, principalType: 'role', principalName, policyType, policyName };
}
