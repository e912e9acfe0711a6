import path from 'node:path';

import { SystemError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { randomUuid } from '../base/random.ts';
import { wipeableBytes } from '../base/wipeable-bytes.ts';
import type { Sealer } from '../metadata/sealer.ts';
import { auditDirectory } from './directory.ts';
import { KEY_FILE, UNFINISHED_FILE } from './file-names.ts';
import type { LogFiles } from './log-files.ts';

const LOG_ID_BYTES = 36;
const MAC_KEY_BYTES = 32;
const CONTEXT = 'audit-log';

/** What a log is authenticated with. */
export interface AuditKey extends Disposable {
  /** A UUID: tells this log from any other. */
  readonly logId: string;
  /** 32 bytes, wiped on dispose. */
  readonly macKey: Uint8Array;
}

/** Where the key of a data directory's log lies, and what it is sealed for: to seal it anew. */
export function auditKeyFile(dataDirectory: string): { readonly path: string; readonly context: string } {
  return { path: path.join(auditDirectory(dataDirectory), KEY_FILE), context: CONTEXT };
}

/** The key of the log in `directory`; undefined when it has none. @throws {SystemError} kind `corrupt`. */
export function readAuditKey(files: LogFiles, directory: string, sealer: Sealer): AuditKey | undefined {
  const sealed = files.read(path.join(directory, KEY_FILE), 0);
  if (sealed === undefined) return undefined;
  let content: Uint8Array;
  try {
    content = sealer.open(CONTEXT, sealed);
  } catch (cause) {
    throw new SystemError(
      'corrupt',
      'AUDIT_KEY_DAMAGED',
      `${path.join(directory, KEY_FILE)} was changed, so the audit log cannot be verified; put it back from a copy, or move the folder away to begin a new log.`,
      { cause },
    );
  }
  return auditKey(content);
}

/** Makes the key of a new log, durably. */
export function createAuditKey(files: LogFiles, directory: string, sealer: Sealer, random: Random): AuditKey {
  const content = wipeableBytes(LOG_ID_BYTES + MAC_KEY_BYTES);
  content.set(Buffer.from(randomUuid(random), 'latin1'));
  const secret = random.bytes(MAC_KEY_BYTES);
  content.set(secret, LOG_ID_BYTES);
  secret.fill(0);
  const unfinished = path.join(directory, UNFINISHED_FILE);
  const file = files.create(unfinished);
  try {
    file.write(sealer.seal(CONTEXT, content), 0);
    file.syncNow();
  } finally {
    file.close();
  }
  files.rename(unfinished, path.join(directory, KEY_FILE));
  files.syncDirectory(directory);
  return auditKey(content);
}

/** @param content wiped. */
function auditKey(content: Uint8Array): AuditKey {
  const logId = Buffer.from(content.subarray(0, LOG_ID_BYTES)).toString('latin1');
  const macKey = wipeableBytes(MAC_KEY_BYTES);
  macKey.set(content.subarray(LOG_ID_BYTES, LOG_ID_BYTES + MAC_KEY_BYTES));
  content.fill(0);
  return { logId, macKey, [Symbol.dispose]: () => void macKey.fill(0) };
}
