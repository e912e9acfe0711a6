import { countInAccount } from './account-lists.ts';
import type { EntityOf } from './columns.ts';
import { integer, json, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';
import { indexTags, taggedWith } from './tags.ts';
import type { Tag, TagFilter } from './tags.ts';

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

/** By name, starting after `after` (a lower-case name), those that have all of `tags`. */
export async function listRoles(
  reader: Reader,
  accountId: string,
  page: { readonly after?: string | undefined; readonly limit: number; readonly tags?: readonly TagFilter[] },
): Promise<Role[]> {
  let query = roles.select(reader).where('rows.accountId', '=', accountId);
  if (page.after !== undefined) query = query.where('rows.roleNameLower', '>', page.after);
  for (const tag of page.tags ?? []) query = query.where('rows.roleId', 'in', taggedWith(reader, tag) as never);
  const rows = await query.orderBy('rows.roleNameLower').limit(page.limit).selectAll().execute();
  return rows.map((row) => roles.open(reader, row));
}

export const countRoles = (reader: Reader, accountId: string): Promise<number> =>
  countInAccount(reader, roles, accountId);

export async function insertRole(transaction: Transaction, role: Role): Promise<void> {
  await roles.insert(transaction, role);
  await indexTags(transaction, role.roleId, role.tags);
}

export async function updateRole(
  transaction: Transaction,
  role: Pick<Role, 'accountId' | 'roleNameLower'>,
  changes: Partial<Omit<Role, 'accountId' | 'roleNameLower' | 'roleId'>>,
): Promise<Role> {
  const { accountId, roleNameLower } = role;
  const updated = await roles.update(transaction, { accountId, roleNameLower }, changes);
  if (changes.tags !== undefined) await indexTags(transaction, updated.roleId, updated.tags);
  return updated;
}

export async function deleteRole(transaction: Transaction, role: Role): Promise<number> {
  const { accountId, roleNameLower } = role;
  await indexTags(transaction, role.roleId, []);
  return await roles.delete(transaction, { accountId, roleNameLower });
}
