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

/** What one policy of an account is attached to, in order of attachment. System policies are attached by each account. */
export const listAttachmentsOfPolicy = (
  reader: Reader,
  { accountId, policyType, policyName }: Pick<PolicyAttachment, 'accountId' | 'policyType' | 'policyName'>,
): Promise<PolicyAttachment[]> =>
  policyAttachments.findAll(reader, { accountId, policyType, policyName }, [
    'attachedMs',
    'principalType',
    'principalName',
  ]);

/** How often each policy of an account is attached, by `<type> <name>`. Only for showing. */
export async function countAttachments(reader: Reader, accountId: string): Promise<ReadonlyMap<string, number>> {
  const rows = await policyAttachments
    .select(reader)
    .where('rows.accountId', '=', accountId)
    .groupBy(['rows.policyType', 'rows.policyName'])
    .select((eb) => ['rows.policyType', 'rows.policyName', eb.fn.countAll<number>().as('count')])
    .execute();
  return new Map(rows.map(({ policyType, policyName, count }) => [`${policyType} ${policyName}`, Number(count)]));
}

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

/** Makes what is attached to one principal that of another, as when a user gets another name. */
export async function moveAttachments(
  transaction: Transaction,
  principal: Pick<PolicyAttachment, 'accountId' | 'principalType' | 'principalName'>,
  principalName: string,
): Promise<void> {
  for (const attachment of await listAttachments(transaction, principal)) {
    await deleteAttachment(transaction, attachment);
    await insertAttachment(transaction, { ...attachment, principalName });
  }
}
