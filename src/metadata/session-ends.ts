import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export const sessionEnds = new SealedTable(
  'sessionEnds',
  {
    roleId: text(),
    accountId: text(),
    /** Sessions of the role that were issued until then are over. */
    endedMs: integer,
  },
  ['roleId'],
);

export type SessionEnd = EntityOf<typeof sessionEnds.columns>;

export const findSessionEnd = (reader: Reader, roleId: string): Promise<SessionEnd | undefined> =>
  sessionEnds.find(reader, { roleId });

/** The later end counts. */
export async function putSessionEnd(transaction: Transaction, end: SessionEnd): Promise<SessionEnd> {
  const former = await findSessionEnd(transaction, end.roleId);
  const later = { ...end, endedMs: Math.max(end.endedMs, former?.endedMs ?? 0) };
  await sessionEnds.delete(transaction, { roleId: end.roleId });
  await sessionEnds.insert(transaction, later);
  return later;
}

/** Once the role is gone, none of its sessions is good any more. */
export const deleteSessionEnd = (transaction: Transaction, roleId: string): Promise<number> =>
  sessionEnds.delete(transaction, { roleId });
