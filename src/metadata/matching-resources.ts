import type { Cell, Columns } from './columns.ts';
import type { Reader } from './reader.ts';
import type { SealedTable, Selection } from './table.ts';
import { taggedWith } from './tags.ts';
import type { TagFilter } from './tags.ts';

/** What every list of resources may filter by; all given ones must match. */
export interface ResourceFilter {
  readonly accountId: string;
  readonly regionId: string;
  readonly createdFromMs?: number | undefined;
  readonly createdToMs?: number | undefined;
  readonly tags?: readonly TagFilter[] | undefined;
}

/** Any table of resources, for the conditions alone. */
type Rows = Selection<Record<string, { encode(value: never): Cell; decode(stored: never): unknown }>>;

/**
 * The rows of resources that match, to be narrowed further.
 * @param more.hidden the status in which a resource is listed no more. `ids`: empty, nothing matches; absent, any does.
 *   `equal`: by column; what is undefined does not filter.
 */
export function matchingResources<C extends Columns, Key extends keyof C & string>(
  reader: Reader,
  table: SealedTable<C, Key>,
  idColumn: Key,
  filter: ResourceFilter,
  more: {
    readonly hidden: string;
    readonly ids: readonly string[] | undefined;
    readonly equal: Partial<Record<keyof C & string, string | boolean | undefined>>;
  },
): Selection<C> {
  let query = (table.select(reader) as unknown as Rows)
    .where('rows.accountId', '=', filter.accountId as never)
    .where('rows.regionId', '=', filter.regionId as never)
    .where('rows.status', '!=', more.hidden as never);
  if (more.ids !== undefined) query = query.where(`rows.${idColumn}`, 'in', more.ids as never);
  for (const [column, value] of Object.entries(more.equal)) {
    const cell = typeof value === 'boolean' ? Number(value) : value;
    if (cell !== undefined) query = query.where(`rows.${column}`, '=', cell as never);
  }
  if (filter.createdFromMs !== undefined) query = query.where('rows.createdMs', '>=', filter.createdFromMs as never);
  if (filter.createdToMs !== undefined) query = query.where('rows.createdMs', '<=', filter.createdToMs as never);
  for (const tag of filter.tags ?? []) query = query.where(`rows.${idColumn}`, 'in', taggedWith(reader, tag) as never);
  return query as unknown as Selection<C>;
}
