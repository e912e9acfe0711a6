import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';

import type { Config } from './config.ts';
import { createFirstAccount, type AccountParts, type NewAccessKey } from './ram/accounts.ts';

/**
 * Makes the first account of a new data directory and keeps its AccessKey in `DIR/credentials.json` (0600).
 * Answers it to be shown once, or undefined when that has been done before.
 */
export async function makeFirstAccount(parts: AccountParts, config: Config): Promise<NewAccessKey | undefined> {
  const { presetAccessKey: preset, defaultRegion, dataDirectory } = config;
  return createFirstAccount(
    parts,
    { regionId: defaultRegion, preset: preset && { accessKeyId: preset.id, accessKeySecret: preset.secret } },
    (account) => writePrivately(path.join(dataDirectory, 'credentials.json'), `${JSON.stringify(account, null, 2)}\n`),
  );
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
