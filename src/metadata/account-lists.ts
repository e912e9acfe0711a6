import type { Cell, Columns, EntityOf } from './columns.ts';
import type { Reader } from './reader.ts';
import type { SealedTable, Selection } from './table.ts';

/** A part of a list that is ordered by name. */
export interface NamePage {
  /** The last name that was seen. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Any table with `accountId`. */
type OfAccounts = Selection<Record<string, { encode(value: never): Cell; decode(stored: never): unknown }>>;

/** How many rows an account has. */
export async function countInAccount<C extends Columns, Key extends keyof C & string>(
  reader: Reader,
  table: SealedTable<C, Key>,
  accountId: string,
): Promise<number> {
  const query = ofAccount(reader, table, accountId).select((eb) => eb.fn.countAll<number>().as('count'));
  return Number((await query.executeTakeFirstOrThrow()).count);
}

/** One page of an account's rows, in the order of `nameColumn`. */
export async function pageInAccount<C extends Columns, Key extends keyof C & string>(
  reader: Reader,
  table: SealedTable<C, Key>,
  accountId: string,
  nameColumn: Key,
  { after, limit }: NamePage,
): Promise<EntityOf<C>[]> {
  let query = ofAccount(reader, table, accountId);
  if (after !== undefined) query = query.where(`rows.${nameColumn}`, '>', after as never);
  const rows = await query.orderBy(`rows.${nameColumn}`).limit(limit).selectAll().execute();
  return rows.map((row) => table.open(reader, row));
}

function ofAccount<C extends Columns, Key extends keyof C & string>(
  reader: Reader,
  table: SealedTable<C, Key>,
  accountId: string,
): OfAccounts {
  return (table.select(reader) as unknown as OfAccounts).where('rows.accountId', '=', accountId as never);
}
