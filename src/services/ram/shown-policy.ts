import { isoSeconds } from '../../base/clock.ts';
import { findPolicy, findPolicyVersion, listPolicyVersions } from '../../metadata/policies.ts';
import type { Policy, PolicyVersion } from '../../metadata/policies.ts';
import type { PolicyAttachment, PolicyType } from '../../metadata/policy-attachments.ts';
import type { Reader } from '../../metadata/reader.ts';
import { SYSTEM_POLICIES, SYSTEM_POLICY_VERSION } from '../../ram/system-policies.ts';
import type { SystemPolicy } from '../../ram/system-policies.ts';
import { unknownPolicy, unknownVersion } from './refusals.ts';

/** The date that the reference shows for its oldest system policies. Source: RAM API reference, GetPolicy, example. */
const SYSTEM_POLICIES_SINCE_MS = Date.parse('2015-04-28T23:59:38Z');

/** A policy of either type, as operations show it. */
export type ShownPolicy = Omit<Policy, 'accountId' | 'versionsMade'> & { readonly policyType: PolicyType };

/** @throws {ApiError} EntityNotExist.Policy. */
export async function shownPolicy(
  reader: Reader,
  accountId: string,
  policyType: PolicyType,
  policyName: string,
): Promise<ShownPolicy> {
  const system = policyType === 'System' ? SYSTEM_POLICIES.get(policyName) : undefined;
  if (system !== undefined) return shownSystemPolicy(system);
  const custom = policyType === 'Custom' ? await findPolicy(reader, accountId, policyName) : undefined;
  if (custom === undefined) throw unknownPolicy(policyType, policyName);
  return { ...custom, policyType };
}

export function shownSystemPolicy({ policyName, description }: SystemPolicy): ShownPolicy {
  return {
    policyType: 'System',
    policyName,
    description,
    defaultVersion: SYSTEM_POLICY_VERSION,
    tags: [],
    createdMs: SYSTEM_POLICIES_SINCE_MS,
    updatedMs: SYSTEM_POLICIES_SINCE_MS,
  };
}

/** One version with its document. @throws {ApiError} EntityNotExist.Policy.Version. */
export async function shownVersion(
  reader: Reader,
  accountId: string,
  policy: ShownPolicy,
  versionId: string,
): Promise<PolicyVersion> {
  const { policyType, policyName } = policy;
  const version =
    policyType === 'System'
      ? systemVersions(accountId, policyName).find((one) => one.versionId === versionId)
      : await findPolicyVersion(reader, accountId, policyName, versionId);
  if (version === undefined) throw unknownVersion(policyName, versionId);
  return version;
}

/** Oldest first. */
export async function shownVersions(
  reader: Reader,
  accountId: string,
  { policyType, policyName }: ShownPolicy,
): Promise<readonly PolicyVersion[]> {
  return policyType === 'System'
    ? systemVersions(accountId, policyName)
    : await listPolicyVersions(reader, accountId, policyName);
}

function systemVersions(accountId: string, policyName: string): readonly PolicyVersion[] {
  const document = SYSTEM_POLICIES.get(policyName)?.document;
  if (document === undefined) return [];
  return [{ accountId, policyName, versionId: SYSTEM_POLICY_VERSION, document, createdMs: SYSTEM_POLICIES_SINCE_MS }];
}

export function policyView(policy: ShownPolicy) {
  return {
    PolicyName: policy.policyName,
    PolicyType: policy.policyType,
    Description: policy.description,
    DefaultVersion: policy.defaultVersion,
    CreateDate: isoSeconds(policy.createdMs),
    UpdateDate: isoSeconds(policy.updatedMs),
  };
}

export function versionView(version: PolicyVersion, defaultVersion: string) {
  return {
    VersionId: version.versionId,
    IsDefaultVersion: version.versionId === defaultVersion,
    PolicyDocument: version.document,
    CreateDate: isoSeconds(version.createdMs),
  };
}

/** A policy as a list of what is attached to somebody shows it. */
export async function attachedPolicyView(
  reader: Reader,
  { accountId, policyType, policyName, attachedMs }: PolicyAttachment,
) {
  const { description, defaultVersion } = await shownPolicy(reader, accountId, policyType, policyName);
  return {
    PolicyName: policyName,
    PolicyType: policyType,
    Description: description,
    DefaultVersion: defaultVersion,
    AttachDate: isoSeconds(attachedMs),
  };
}
