import type { Access, Caller } from '../../api/action.ts';
import { findGroup } from '../../metadata/groups.ts';
import { findPolicy } from '../../metadata/policies.ts';
import { deleteAttachment, insertAttachment, listAttachments } from '../../metadata/policy-attachments.ts';
import type { PolicyAttachment, PrincipalType } from '../../metadata/policy-attachments.ts';
import type { Reader } from '../../metadata/reader.ts';
import { findRole } from '../../metadata/roles.ts';
import { findUser } from '../../metadata/users.ts';
import { groupArn, roleArn, userArn } from '../../ram/arn.ts';
import { SYSTEM_POLICIES } from '../../ram/system-policies.ts';
import { policyAccess } from './access.ts';
import type { RamDependencies } from './dependencies.ts';
import { ATTACHED_POLICIES_MAX } from './limits.ts';
import {
  checkedGroupName,
  checkedPolicyName,
  checkedPolicyType,
  checkedRoleName,
  checkedUserName,
} from './parameter-rules.ts';
import {
  exists,
  invalid,
  limitExceeded,
  missing,
  unknownGroup,
  unknownPolicy,
  unknownRole,
  unknownUser,
} from './refusals.ts';

/** Whom a call names: a user, group or role that policies are attached to. */
export interface Holder {
  readonly type: PrincipalType;
  readonly name: string;
}

interface PolicyInput {
  readonly PolicyName: string;
  readonly PolicyType: string;
  readonly ResourceGroupId?: string;
}

/** How the codes call each kind. */
const WORD = { user: 'User', group: 'Group', role: 'Role' } as const satisfies Record<PrincipalType, string>;

/** What attaching and detaching ask for: both whom the policy is attached to, and the policy. */
export function attachmentAccess(
  action: string,
  caller: Caller,
  holder: Holder,
  input: PolicyInput,
): readonly Access[] {
  return [
    { action: `ram:${action}`, resource: holderArn(caller.accountId, holder) },
    ...policyAccess(action, caller, input),
  ];
}

export function holderArn(accountId: string, { type, name }: Holder): string {
  if (type === 'user') return userArn(accountId, name);
  return type === 'group' ? groupArn(accountId, name) : roleArn(accountId, name);
}

/** Puts a policy in force for whom the call names, from their next call on. */
export function attachPolicy(
  deps: RamDependencies,
  { accountId }: Caller,
  holder: Holder,
  input: PolicyInput,
): Promise<Record<never, never>> {
  return deps.database.transact(async (transaction) => {
    const attachment = await requested(transaction, accountId, holder, input);
    const { policyType, policyName } = attachment;
    if (!(await policyExists(transaction, attachment))) throw unknownPolicy(policyType, policyName);
    const sameType = (await listAttachments(transaction, attachment)).filter((one) => one.policyType === policyType);
    const kind = `${WORD[holder.type]}.Policy`;
    if (sameType.some((one) => one.policyName === policyName)) {
      throw exists(kind, `The ${holder.type} ${holder.name} has the ${policyType} policy ${policyName} already.`);
    }
    const limit = ATTACHED_POLICIES_MAX[holder.type][policyType];
    if (sameType.length >= limit) {
      throw limitExceeded(kind, `A ${holder.type} has at most ${limit} ${policyType} policies; detach one first.`);
    }
    await insertAttachment(transaction, { ...attachment, attachedMs: deps.clock.nowMs() });
    return {};
  });
}

/** Takes a policy away: what it allowed is refused from the next call on. */
export function detachPolicy(
  deps: RamDependencies,
  { accountId }: Caller,
  holder: Holder,
  input: PolicyInput,
): Promise<Record<never, never>> {
  return deps.database.transact(async (transaction) => {
    const attachment = await requested(transaction, accountId, holder, input);
    if ((await deleteAttachment(transaction, attachment)) === 0) {
      const word = WORD[holder.type];
      throw missing(
        `${word}.Policy`,
        `The ${holder.type} ${holder.name} has no ${input.PolicyType} policy ${input.PolicyName}; ListPoliciesFor${word} shows what it has.`,
      );
    }
    return {};
  });
}

/** The name under which attachments of the user, group or role are kept. @throws {ApiError} it does not exist. */
export async function holderNameLower(reader: Reader, accountId: string, { type, name }: Holder): Promise<string> {
  if (type === 'user') {
    const user = await findUser(reader, accountId, checkedUserName(name));
    if (user === undefined) throw unknownUser(name);
    return user.userNameLower;
  }
  if (type === 'group') {
    const group = await findGroup(reader, accountId, checkedGroupName(name));
    if (group === undefined) throw unknownGroup(name);
    return group.groupNameLower;
  }
  const role = await findRole(reader, accountId, checkedRoleName(name));
  if (role === undefined) throw unknownRole(name);
  return role.roleNameLower;
}

async function requested(
  reader: Reader,
  accountId: string,
  holder: Holder,
  { PolicyName, PolicyType, ResourceGroupId }: PolicyInput,
): Promise<Omit<PolicyAttachment, 'attachedMs'>> {
  const policyType = checkedPolicyType(PolicyType);
  const policyName = checkedPolicyName(PolicyName);
  // Attached to the whole account instead, a policy would allow more than what was asked for.
  if (ResourceGroupId !== undefined && ResourceGroupId !== accountId) {
    throw invalid('ResourceGroupId', '', 'must be left out: there are no resource groups here');
  }
  const principalName = await holderNameLower(reader, accountId, holder);
  return { accountId, principalType: holder.type, principalName, policyType, policyName };
}

async function policyExists(
  reader: Reader,
  { accountId, policyType, policyName }: Omit<PolicyAttachment, 'attachedMs'>,
): Promise<boolean> {
  if (policyType === 'System') return SYSTEM_POLICIES.has(policyName);
  return (await findPolicy(reader, accountId, policyName)) !== undefined;
}
