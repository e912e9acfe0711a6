import path from 'node:path';

/** Where the audit log of a data directory lies. */
export function auditDirectory(dataDirectory: string): string {
  return path.join(dataDirectory, 'audit');
}
