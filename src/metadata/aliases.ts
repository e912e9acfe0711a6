import type { EntityOf } from './columns.ts';
import { integer, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

export const aliases = new SealedTable(
  'aliases',
  {
    accountId: text(),
    regionId: text(),
    /** With its prefix: `alias/acs/ecs`. */
    aliasName: text(),
    keyId: text(),
    createdMs: integer,
  },
  ['accountId', 'regionId', 'aliasName'],
);

export type Alias = EntityOf<typeof aliases.columns>;

export const findAlias = (
  reader: Reader,
  accountId: string,
  regionId: string,
  aliasName: string,
): Promise<Alias | undefined> => aliases.find(reader, { accountId, regionId, aliasName });

/** Of all keys. */
export const listAllAliases = (reader: Reader): Promise<Alias[]> => aliases.findAll(reader, {});

/** Of one account and region, and of one key if `keyId` is given, oldest first, with the number of all. */
export async function listAliases(
  reader: Reader,
  scope: { readonly accountId: string; readonly regionId: string },
  page: { readonly offset: number; readonly limit: number },
  keyId?: string,
): Promise<{ readonly aliases: Alias[]; readonly totalCount: number }> {
  let query = aliases
    .select(reader)
    .where('rows.accountId', '=', scope.accountId)
    .where('rows.regionId', '=', scope.regionId);
  if (keyId !== undefined) query = query.where('rows.keyId', '=', keyId);
  const { count } = await query.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  const rows = await query
    .orderBy('rows.createdMs')
    .orderBy('rows.aliasName')
    .offset(page.offset)
    .limit(page.limit)
    .selectAll()
    .execute();
  return { aliases: rows.map((row) => aliases.open(reader, row)), totalCount: Number(count) };
}

/** @throws {SystemError} kind `conflict`, code `ROW_EXISTS`: the name is taken in this account and region. */
export const insertAlias = (transaction: Transaction, alias: Alias): Promise<void> =>
  aliases.insert(transaction, alias);

/** @throws {SystemError} kind `not-found`, code `ROW_NOT_FOUND`. */
export const updateAlias = (
  transaction: Transaction,
  alias: Pick<Alias, 'accountId' | 'regionId' | 'aliasName'>,
  changes: Pick<Alias, 'keyId'>,
): Promise<Alias> => aliases.update(transaction, alias, changes);

export const deleteAlias = (
  transaction: Transaction,
  alias: Pick<Alias, 'accountId' | 'regionId' | 'aliasName'>,
): Promise<number> =>
  aliases.delete(transaction, {
    accountId: alias.accountId,
    regionId: alias.regionId,
    aliasName: alias.aliasName,
  });

export const deleteAliasesOfKey = (transaction: Transaction, keyId: string): Promise<number> =>
  aliases.delete(transaction, { keyId });
