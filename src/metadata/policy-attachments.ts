import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export type PolicyType = 'System' | 'Custom';
export type PrincipalType = 'role' | 'user' | 'group';

export const policyAttachments = new SealedTable(
  'policyAttachments',
  {
    accountId: text(),
    principalType: text<PrincipalType>(),
    /** Lower case. */
    principalName: text(),
    policyType: text<PolicyType>(),
    policyName: text(),
    attachedMs: integer,
  },
  ['accountId', 'principalType', 'principalName', 'policyType', 'policyName'],
);

export type PolicyAttachment = EntityOf<typeof policyAttachments.columns>;

/** What is attached to one principal, in order of attachment. */
export const listAttachments = (
  reader: Reader,
  principal: Pick<PolicyAttachment, 'accountId' | 'principalType' | 'principalName'>,
): Promise<PolicyAttachment[]> =>
  policyAttachments.findAll(
    reader,
    {
      accountId: principal.accountId,
      principalType: principal.principalType,
      principalName: principal.principalName,
    },
    ['attachedMs', 'policyType', 'policyName'],
  );

export const insertAttachment = (transaction: Transaction, attachment: PolicyAttachment): Promise<void> =>
  policyAttachments.insert(transaction, attachment);

/** Answers how many were detached: 0 or 1. */
export const deleteAttachment = (
  transaction: Transaction,
  attachment: Omit<PolicyAttachment, 'attachedMs'>,
): Promise<number> => {
  const { accountId, principalType, principalName, policyType, policyName } = attachment;
  return policyAttachments.delete(transaction, { accountId, principalType, principalName, policyType, policyName });
};
