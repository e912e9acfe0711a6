import type { NamePage } from '../../metadata/account-lists.ts';
import { decodePageToken, encodePageToken } from '../../metadata/page.ts';
import { LIST_ITEMS } from './limits.ts';
import { invalid } from './refusals.ts';

export interface MarkerInput {
  readonly Marker?: string;
  readonly MaxItems?: number;
}

export interface MarkerOutput {
  readonly IsTruncated: boolean;
  readonly Marker?: string;
}

/** What a page of a list is about: its marker counts for the same operation and account (and group, …) only. */
export interface NamedList<Row> {
  readonly scope: string;
  /** Rows in the order of their names. */
  readonly list: (page: NamePage) => Promise<readonly Row[]>;
  readonly nameOf: (row: Row) => string;
}

/** One page of a list that goes by `MaxItems` and `Marker`, and whether it goes on. Source: apis.md, "RAM notes". */
export async function pageByMarker<Row>(
  { Marker, MaxItems }: MarkerInput,
  { scope, list, nameOf }: NamedList<Row>,
): Promise<{ readonly rows: readonly Row[]; readonly more: MarkerOutput }> {
  const limit = MaxItems ?? LIST_ITEMS.default;
  if (!Number.isInteger(limit) || limit < 1 || limit > LIST_ITEMS.max) {
    throw invalid('MaxItems', '', `must be a whole number from 1 to ${LIST_ITEMS.max}`);
  }
  const after = Marker === undefined ? undefined : decodeMarker(scope, Marker);
  // One more than asked for tells whether the list goes on.
  const found = await list({ after, limit: limit + 1 });
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  if (found.length <= limit || last === undefined) return { rows, more: { IsTruncated: false } };
  return { rows, more: { IsTruncated: true, Marker: encodePageToken(scope, { createdMs: 0, id: nameOf(last) }) } };
}

/** The same for a list that is at hand whole. */
export function pageOf<Row>(rows: readonly Row[], nameOf: (row: Row) => string): NamedList<Row>['list'] {
  return ({ after, limit }) =>
    Promise.resolve(rows.filter((row) => after === undefined || nameOf(row) > after).slice(0, limit));
}

function decodeMarker(scope: string, marker: string): string {
  const cursor = decodePageToken(scope, marker);
  if (cursor === undefined) {
    throw invalid('Marker', 'Format', 'must be the Marker of a previous answer to the same list, unchanged');
  }
  return cursor.id;
}
