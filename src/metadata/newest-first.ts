import type { Cell, Columns, EntityOf } from './columns.ts';
import type { Listed, Page } from './page.ts';
import type { Reader } from './reader.ts';
import type { SealedTable, Selection } from './table.ts';

/** Any table with `createdMs`, for the ordering alone. */
type Ordered = Selection<Record<string, { encode(value: never): Cell; decode(stored: never): unknown }>>;

/** One page of `matching`, by `createdMs` and `idColumn` descending, with the number of all that match. */
export async function newestFirst<C extends Columns, Key extends keyof C & string>(
  reader: Reader,
  table: SealedTable<C, Key>,
  matching: Selection<C>,
  idColumn: Key,
  page: Page,
): Promise<Listed<EntityOf<C>>> {
  const all = matching as unknown as Ordered;
  const { count } = await all.select((eb) => eb.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  let query = all.selectAll().orderBy('rows.createdMs', 'desc').orderBy(`rows.${idColumn}`, 'desc');
  if (page.kind === 'offset') query = query.offset(page.offset);
  const after = page.kind === 'cursor' ? page.after : undefined;
  if (after !== undefined) {
    query = query.where((eb) =>
      eb.or([
        eb('rows.createdMs', '<', after.createdMs),
        eb('rows.createdMs', '=', after.createdMs).and(`rows.${idColumn}`, '<', after.id as never),
      ]),
    );
  }
  // One more than asked for tells whether there is a next page.
  const found = await query.limit(page.limit + 1).execute();
  const shown = found.slice(0, page.limit);
  const rows = shown.map((row) => table.open(reader, row));
  const last = shown.at(-1);
  const totalCount = Number(count);
  if (found.length <= page.limit || last === undefined) return { rows, totalCount };
  return { rows, totalCount, next: { createdMs: Number(last['createdMs']), id: String(last[idColumn]) } };
}
