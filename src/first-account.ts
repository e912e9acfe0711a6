import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';

import type { Config } from './config.ts';
import { listAccounts } from './metadata/accounts.ts';
import { createAccount, type AccountParts, type NewAccessKey } from './ram/accounts.ts';

/**
 * Makes the first account of a new data directory and keeps its AccessKey in `DIR/credentials.json` (0600).
 * Answers it to be shown once, or undefined when there are accounts already.
 */
export async function makeFirstAccount(parts: AccountParts, config: Config): Promise<NewAccessKey | undefined> {
  if ((await listAccounts(parts.database.read)).length > 0) return undefined;
  const { presetAccessKey: preset, defaultRegion } = config;
  const account = await createAccount(parts, {
    regionId: defaultRegion,
    preset: preset && { accessKeyId: preset.id, accessKeySecret: preset.secret },
  });
  writePrivately(path.join(config.dataDirectory, 'credentials.json'), `${JSON.stringify(account, null, 2)}\n`);
  return account;
}

function writePrivately(file: string, text: string): void {
  const temporary = `${file}.new`;
  const fd = openSync(temporary, 'w', 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, file);
}
