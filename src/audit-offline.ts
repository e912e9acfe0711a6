/** `sealdisk audit verify` and `sealdisk audit anchor` on a data directory that no server has open. */
import pino from 'pino';

import type { AuditVerification } from './admin/admin-protocol.ts';
import { parseAnchors } from './audit/anchor.ts';
import { anchorOfClosedLog, verifyClosedLog } from './audit/audit-log.ts';
import { loadConfig } from './config.ts';
import { openDataDirectory, type OpenDataDirectory } from './data-directory.ts';

export async function verifyAuditOffline(options: {
  readonly dataDirectory: string;
  readonly anchors: string;
  readonly file?: string;
}): Promise<AuditVerification> {
  const anchors = parseAnchors(options.anchors);
  await using directory = await open(options.dataDirectory, 'audit verify');
  return await verifyClosedLog(options.dataDirectory, directory.sealers.rows, anchors, options.file);
}

export async function auditAnchorOffline(options: {
  readonly dataDirectory: string;
}): Promise<{ readonly anchor: string }> {
  await using directory = await open(options.dataDirectory, 'audit anchor');
  return { anchor: await anchorOfClosedLog(options.dataDirectory, directory.sealers.rows) };
}

function open(dataDirectory: string, command: string): Promise<OpenDataDirectory> {
  const config = loadConfig({ dataDir: dataDirectory }, process.env);
  const log = pino({ name: 'sealdisk', level: 'warn' }, pino.destination(2));
  const owner = `sealdisk ${command}, process ${process.pid}`;
  return openDataDirectory(dataDirectory, { owner, root: config.root, log });
}
