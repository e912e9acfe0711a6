import { findPolicy, findPolicyVersion } from '../metadata/policies.ts';
import { listAttachments } from '../metadata/policy-attachments.ts';
import type { PrincipalType } from '../metadata/policy-attachments.ts';
import type { Reader } from '../metadata/reader.ts';
import { SystemError } from '../base/errors.ts';
import { parsePolicy } from './policy/document.ts';
import type { NamedPolicy } from './policy/evaluate.ts';
import { SYSTEM_POLICIES } from './system-policies.ts';

/** Whose policies. */
export interface PolicyHolder {
  readonly accountId: string;
  readonly principalType: PrincipalType;
  /** In any case. */
  readonly principalName: string;
}

/**
 * The policies that are in force for a role, user or group: the default version of each one attached.
 * @throws {SystemError} kind `corrupt`: an attachment leads nowhere, so nobody knows what it would have denied.
 */
export async function attachedPolicies(reader: Reader, holder: PolicyHolder): Promise<readonly NamedPolicy[]> {
  const principalName = holder.principalName.toLowerCase();
  const attachments = await listAttachments(reader, { ...holder, principalName });
  return await Promise.all(
    attachments.map(async ({ policyType, policyName: name }) => {
      if (policyType === 'System') {
        const policy = SYSTEM_POLICIES.get(name);
        if (policy === undefined) throw dangling(name);
        return { name, statements: policy.statements };
      }
      const policy = await findPolicy(reader, holder.accountId, name);
      const version = policy && (await findPolicyVersion(reader, holder.accountId, name, policy.defaultVersion));
      if (version === undefined) throw dangling(name);
      return { name, statements: parsePolicy(version.document) };
    }),
  );
}

function dangling(policyName: string): SystemError {
  return new SystemError(
    'corrupt',
    'POLICY_MISSING',
    `The policy ${policyName} is attached but does not exist; detach it, or restore the metadata database.`,
  );
}
