import { SystemError } from '../base/errors.ts';
import { listGroupsOfUser } from '../metadata/groups.ts';
import { findPolicy, findPolicyVersion } from '../metadata/policies.ts';
import { listAttachments } from '../metadata/policy-attachments.ts';
import type { PolicyAttachment, PrincipalType } from '../metadata/policy-attachments.ts';
import type { Reader } from '../metadata/reader.ts';
import type { NamedPolicy } from './policy/evaluate.ts';
import type { PolicyDocuments } from './policy/policy-documents.ts';
import { SYSTEM_POLICIES, SYSTEM_POLICY_VERSION } from './system-policies.ts';

/** Whose policies. */
export interface PolicyHolder {
  readonly accountId: string;
  readonly principalType: PrincipalType;
  /** In any case. */
  readonly principalName: string;
}

/**
 * The policies that are in force for a role, user or group: the default version of each one attached; for a user, those
 * of the groups that it is in after its own.
 * @throws {SystemError} kind `corrupt`: an attachment leads nowhere, so nobody knows what it would have denied.
 */
export async function attachedPolicies(
  reader: Reader,
  documents: PolicyDocuments,
  holder: PolicyHolder,
): Promise<readonly NamedPolicy[]> {
  const attachments = await attachmentsOf(reader, holder);
  return await Promise.all(attachments.map((attachment) => inForce(reader, documents, attachment)));
}

async function attachmentsOf(reader: Reader, holder: PolicyHolder): Promise<readonly PolicyAttachment[]> {
  const { accountId, principalType } = holder;
  const principalName = holder.principalName.toLowerCase();
  const own = await listAttachments(reader, { accountId, principalType, principalName });
  if (principalType !== 'user') return own;
  const memberships = await listGroupsOfUser(reader, accountId, principalName);
  const inherited = await Promise.all(
    memberships.map(({ groupNameLower }) =>
      listAttachments(reader, { accountId, principalType: 'group', principalName: groupNameLower }),
    ),
  );
  return [...own, ...inherited.flat()];
}

async function inForce(
  reader: Reader,
  documents: PolicyDocuments,
  { accountId, principalType, principalName, policyType, policyName: name }: PolicyAttachment,
): Promise<NamedPolicy> {
  const attachedTo = `${principalType}/${principalName}`;
  if (policyType === 'System') {
    const policy = SYSTEM_POLICIES.get(name);
    if (policy === undefined) throw dangling(name);
    return { kind: 'System', name, version: SYSTEM_POLICY_VERSION, attachedTo, rules: policy.rules };
  }
  const policy = await findPolicy(reader, accountId, name);
  const version = policy && (await findPolicyVersion(reader, accountId, name, policy.defaultVersion));
  if (version === undefined) throw dangling(name);
  const rules = documents.policy(version.document);
  return { kind: 'Custom', name, version: version.versionId, attachedTo, rules };
}

function dangling(policyName: string): SystemError {
  return new SystemError(
    'corrupt',
    'POLICY_MISSING',
    `The policy ${policyName} is attached but does not exist; detach it, or restore the metadata database.`,
  );
}
