import type { Reader, Transaction } from './reader.ts';

/** Keys are unique within a resource. */
export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Matches resources that have the key, with that value when one is given. */
export interface TagFilter {
  readonly key: string;
  readonly value?: string;
}

/**
 * The tags of a resource live in its own sealed row; `resource_tags` repeats them as an index for filters only.
 * Nothing is decided by this table.
 */
export async function indexTags(transaction: Transaction, resourceId: string, tags: readonly Tag[]): Promise<void> {
  await transaction.queries.deleteFrom('resourceTags').where('resourceId', '=', resourceId).execute();
  if (tags.length === 0) return;
  const rows = tags.map((tag) => ({ resourceId, tagKey: tag.key, tagValue: tag.value }));
  await transaction.queries.insertInto('resourceTags').values(rows).execute();
}

/** The ids of all resources that match `filter`, as a subquery. */
export function taggedWith(reader: Reader, filter: TagFilter) {
  let query = reader.queries.selectFrom('resourceTags').select('resourceId').where('tagKey', '=', filter.key);
  if (filter.value !== undefined) query = query.where('tagValue', '=', filter.value);
  return query;
}
