import type { Access, Caller } from '../../api/action.ts';
import { groupArn, policyArn, roleArn, userArn } from '../../ram/arn.ts';

/** Everything of one kind in the caller's account: what making and listing asks for. */
export const allUsers = (caller: Caller): string => userArn(caller.accountId, '*');
export const allGroups = (caller: Caller): string => groupArn(caller.accountId, '*');
export const allRoles = (caller: Caller): string => roleArn(caller.accountId, '*');
export const allPolicies = (caller: Caller): string => policyArn(caller.accountId, '*');

export const userAccess = (action: string, caller: Caller, userName: string): readonly Access[] => [
  { action: `ram:${action}`, resource: userArn(caller.accountId, userName) },
];

export const groupAccess = (action: string, caller: Caller, groupName: string): readonly Access[] => [
  { action: `ram:${action}`, resource: groupArn(caller.accountId, groupName) },
];

/** System policies belong to `system`. */
export const policyAccess = (
  action: string,
  caller: Caller,
  { PolicyName, PolicyType }: { readonly PolicyName: string; readonly PolicyType?: string },
): readonly Access[] => [
  { action: `ram:${action}`, resource: policyArn(PolicyType === 'System' ? 'system' : caller.accountId, PolicyName) },
];
