import type { EntityOf } from './columns.ts';
import { integer, json, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';
import type { Tag } from './tags.ts';

export const roles = new SealedTable(
  'roles',
  {
    accountId: text(),
    /** Role names differ in more than case. Source: decisions.md E2. */
    roleNameLower: text(),
    /** As it was given at creation. */
    roleName: text(),
    roleId: text(),
    description: text(),
    /** JSON, as it was given. */
    trustPolicy: text(),
    maxSessionDurationS: integer,
    tags: json<readonly Tag[]>(),
    createdMs: integer,
    updatedMs: integer,
  },
  ['accountId', 'roleNameLower'],
);

export type Role = EntityOf<typeof roles.columns>;

/** @param roleName in any case. */
export const findRole = (reader: Reader, accountId: string, roleName: string): Promise<Role | undefined> =>
  roles.find(reader, { accountId, roleNameLower: roleName.toLowerCase() });

/** By name, starting after `after` (a lower-case name). */
export async function listRoles(
  reader: Reader,
  accountId: string,
  page: { readonly after?: string | undefined; readonly limit: number },
): Promise<Role[]> {
  let query = roles.select(reader).where('rows.accountId', '=', accountId);
  if (page.after !== undefined) query = query.where('rows.roleNameLower', '>', page.after);
  const rows = await query.orderBy('rows.roleNameLower').limit(page.limit).selectAll().execute();
  return rows.map((row) => roles.open(reader, row));
}

export async function countRoles(reader: Reader, accountId: string): Promise<number> {
  const query = roles.select(reader).where('rows.accountId', '=', accountId);
  const { count } = await query.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  return Number(count);
}

export const insertRole = (transaction: Transaction, role: Role): Promise<void> => roles.insert(transaction, role);

export const updateRole = (
  transaction: Transaction,
  role: Pick<Role, 'accountId' | 'roleNameLower'>,
  changes: Partial<Omit<Role, 'accountId' | 'roleNameLower'>>,
): Promise<Role> =>
  roles.update(transaction, { accountId: role.accountId, roleNameLower: role.roleNameLower }, changes);

export const deleteRole = (
  transaction: Transaction,
  role: Pick<Role, 'accountId' | 'roleNameLower'>,
): Promise<number> => roles.delete(transaction, { accountId: role.accountId, roleNameLower: role.roleNameLower });
