import type { Kysely } from 'kysely';

import type { Cell } from './columns.ts';
import type { RowCache } from './row-cache.ts';
import type { RowSeal } from './sealed-rows.ts';

export type Queries = Kysely<Record<string, Record<string, Cell>>>;

/** What reads rows: committed state through `Database.read`, or a transaction, which also sees its own writes. */
export interface Reader {
  readonly queries: Queries;
  readonly seal: RowSeal;
  /** Of committed rows; a transaction has none. */
  readonly cache?: RowCache;
}

/** What reads committed state, and can tell whether it is still the same. */
export interface CommittedReader extends Reader {
  /**
   * Another number after every commit: of this program at once, of another one from the next turn of the event loop on.
   * Rows that were read under the same number still hold.
   */
  version(): number;
}

/** What writes rows. Exists only inside `Database.transact`. */
export interface Transaction extends Reader {
  readonly writable: true;
}
