import type { Access, Caller } from '../../api/action.ts';
import { policyArn, roleArn } from '../../ram/arn.ts';

/** All roles or policies of the caller's account: what making and listing asks for. */
export const allRoles = (caller: Caller): string => roleArn(caller.accountId, '*');
export const allPolicies = (caller: Caller): string => policyArn(caller.accountId, '*');

/** What attaching and detaching ask for: both the role and the policy. System policies belong to `system`. */
export function attachmentAccess(
  action: string,
  caller: Caller,
  input: { readonly RoleName: string; readonly PolicyName: string; readonly PolicyType: string },
): readonly Access[] {
  const policyOwner = input.PolicyType === 'System' ? 'system' : caller.accountId;
  return [
    { action, resource: roleArn(caller.accountId, input.RoleName) },
    { action, resource: policyArn(policyOwner, input.PolicyName) },
  ];
}
