import { callAdmin } from '../admin/admin-client.ts';
import type { ServerStatus } from '../admin/admin-protocol.ts';
import path from 'node:path';
import { readFileSync } from 'node:fs';

import { SystemError } from '../base/errors.ts';

/** The data directory that a command means. */
export function dataDirectoryOf(options: { readonly dataDir?: string }): string {
  return path.resolve(options.dataDir ?? (process.env['SEALDISK_DATA_DIR'] || './sealdisk-data'));
}

/** The running server of that directory. */
export function findServer(dataDirectory: string): Promise<ServerStatus> {
  return callAdmin(dataDirectory, 'status', {});
}

export interface LocalCredentials {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** Of a temporary AccessKey. */
  readonly securityToken?: string;
}

/**
 * Who signs: SEALDISK_ACCESS_KEY_ID and SEALDISK_ACCESS_KEY_SECRET, with SEALDISK_SECURITY_TOKEN for a session, else the first account's `DIR/credentials.json`.
 * @throws {SystemError} code `NO_CREDENTIALS`.
 */
export function localCredentials(dataDirectory: string): LocalCredentials {
  const accessKeyId = process.env['SEALDISK_ACCESS_KEY_ID'];
  const accessKeySecret = process.env['SEALDISK_ACCESS_KEY_SECRET'];
  const securityToken = process.env['SEALDISK_SECURITY_TOKEN'];
  if (accessKeyId && accessKeySecret)
    return { accessKeyId, accessKeySecret, ...(securityToken ? { securityToken } : {}) };
  const file = path.join(dataDirectory, 'credentials.json');
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LocalCredentials;
  } catch (cause) {
    throw new SystemError(
      'denied',
      'NO_CREDENTIALS',
      `${file} cannot be read; set SEALDISK_ACCESS_KEY_ID and SEALDISK_ACCESS_KEY_SECRET, or make a new AccessKey with: sealdisk account access-key ACCOUNT_ID`,
      { cause },
    );
  }
}
