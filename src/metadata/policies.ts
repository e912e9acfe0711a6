import type { EntityOf } from './columns.ts';
import { integer, json, text } from './columns.ts';
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

export async function countPolicies(reader: Reader, accountId: string): Promise<number> {
  const query = policies.select(reader).where('rows.accountId', '=', accountId);
  const { count } = await query.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  return Number(count);
}

/** Both rows of a new policy. */
export async function insertPolicy(transaction: Transaction, policy: Policy, document: string): Promise<void> {
  const { accountId, policyName, defaultVersion, createdMs } = policy;
  await policies.insert(transaction, policy);
  await policyVersions.insert(transaction, { accountId, policyName, versionId: defaultVersion, document, createdMs });
}
