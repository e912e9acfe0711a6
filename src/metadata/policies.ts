import { countInAccount } from './account-lists.ts';
import type { EntityOf } from './columns.ts';
import { integer, json, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';
import type { Tag } from './tags.ts';

/** The account's own policies; system policies are code (src/ram/system-policies.ts). */
export const policies = new SealedTable(
  'policies',
  {
    accountId: text(),
    policyName: text(),
    description: text(),
    /** `v1`, `v2`, …: a row of `policyVersions`. */
    defaultVersion: text(),
    tags: json<readonly Tag[]>(),
    createdMs: integer,
    updatedMs: integer,
    /** How many versions it has had, deleted ones included: their ids are not used again. Null: as many as there are. */
    versionsMade: nullable(integer),
  },
  ['accountId', 'policyName'],
);

export const policyVersions = new SealedTable(
  'policyVersions',
  {
    accountId: text(),
    policyName: text(),
    versionId: text(),
    /** JSON, as it was given. */
    document: text(),
    createdMs: integer,
  },
  ['accountId', 'policyName', 'versionId'],
);

export type Policy = EntityOf<typeof policies.columns>;
export type PolicyVersion = EntityOf<typeof policyVersions.columns>;

export const findPolicy = (reader: Reader, accountId: string, policyName: string): Promise<Policy | undefined> =>
  policies.find(reader, { accountId, policyName });

export const findPolicyVersion = (
  reader: Reader,
  accountId: string,
  policyName: string,
  versionId: string,
): Promise<PolicyVersion | undefined> => policyVersions.find(reader, { accountId, policyName, versionId });

export const countPolicies = (reader: Reader, accountId: string): Promise<number> =>
  countInAccount(reader, policies, accountId);

/** All of an account, by name. */
export const listPolicies = (reader: Reader, accountId: string): Promise<Policy[]> =>
  policies.findAll(reader, { accountId });

/** Oldest first. */
export async function listPolicyVersions(
  reader: Reader,
  accountId: string,
  policyName: string,
): Promise<PolicyVersion[]> {
  const versions = await policyVersions.findAll(reader, { accountId, policyName });
  return versions.toSorted((one, other) => numberOf(one) - numberOf(other));
}

/** `v12` -> 12 */
export const numberOf = ({ versionId }: Pick<PolicyVersion, 'versionId'>): number => Number(versionId.slice(1));

/** Both rows of a new policy, whose version is its first. */
export async function insertPolicy(
  transaction: Transaction,
  policy: Omit<Policy, 'versionsMade'>,
  document: string,
): Promise<void> {
  const { accountId, policyName, defaultVersion, createdMs } = policy;
  await policies.insert(transaction, { ...policy, versionsMade: 1 });
  await policyVersions.insert(transaction, { accountId, policyName, versionId: defaultVersion, document, createdMs });
}

export const updatePolicy = (
  transaction: Transaction,
  { accountId, policyName }: Pick<Policy, 'accountId' | 'policyName'>,
  changes: Partial<Omit<Policy, 'accountId' | 'policyName'>>,
): Promise<Policy> => policies.update(transaction, { accountId, policyName }, changes);

export const insertPolicyVersion = (transaction: Transaction, version: PolicyVersion): Promise<void> =>
  policyVersions.insert(transaction, version);

export const deletePolicyVersion = (
  transaction: Transaction,
  { accountId, policyName, versionId }: Pick<PolicyVersion, 'accountId' | 'policyName' | 'versionId'>,
): Promise<number> => policyVersions.delete(transaction, { accountId, policyName, versionId });

/** The policy with all its versions. */
export async function deletePolicy(
  transaction: Transaction,
  { accountId, policyName }: Pick<Policy, 'accountId' | 'policyName'>,
): Promise<void> {
  await policyVersions.delete(transaction, { accountId, policyName });
  await policies.delete(transaction, { accountId, policyName });
}
