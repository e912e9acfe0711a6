import { SystemError } from '../base/errors.ts';
import type { NodeSqlite } from './node-sqlite.ts';

/** "sdsk": marks the file as ours. Source: sqlite.org/pragma.html, application_id. */
const APPLICATION_ID = 0x7364736b;

/**
 * Marks a new file as Sealdisk's, and refuses one that is not.
 * @throws {SystemError} kind `conflict`, code `DATABASE_FOREIGN`; kind `corrupt`, code `DATABASE_DAMAGED`.
 */
export function refuseForeign(sqlite: NodeSqlite): void {
  const applicationId = sqlite.value('pragma application_id');
  if (applicationId === APPLICATION_ID) return;
  if (applicationId !== 0 || sqlite.value('select count(*) from sqlite_schema') !== 0) {
    throw new SystemError(
      'conflict',
      'DATABASE_FOREIGN',
      'metadata.db belongs to another program; move it away or choose another data directory.',
    );
  }
  sqlite.exec(`pragma application_id = ${APPLICATION_ID}`);
}
