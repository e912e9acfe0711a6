import { open, readFile, rm } from 'node:fs/promises';

import { callAdmin } from '../../admin/admin-client.ts';
import type { KeyRestore } from '../../admin/admin-protocol.ts';
import { messageOf, SystemError } from '../../base/errors.ts';
import type { Output } from '../output.ts';
import { readNewPassphrase, readPassphrase } from '../passphrase.ts';
import { dataDirectoryOf } from '../server-location.ts';

export interface BackupOptions {
  readonly dataDir?: string;
  readonly passphraseFile?: string;
  readonly toProvider?: boolean;
}

export interface RestoreOptions {
  readonly dataDir?: string;
  readonly passphraseFile?: string;
  readonly apply?: boolean;
  readonly resurrect?: readonly string[];
}

/** Writes a new file that only its owner can read. */
export async function backUpKeys(file: string, options: BackupOptions, output: Output): Promise<void> {
  const toProvider = options.toProvider ?? false;
  const passphrase = toProvider
    ? undefined
    : await readNewPassphrase(options.passphraseFile, 'Passphrase of the backup');
  try {
    const answer = await callAdmin(dataDirectoryOf(options), 'backupKeys', { toProvider }, passphrase);
    await writeNew(file, Buffer.from(answer.backup, 'base64'));
    const { keys, keyVersions } = answer;
    output.result({ file, keys, keyVersions }, [
      `${file} holds ${keys} key${keys === 1 ? '' : 's'} in ${keyVersions} version${keyVersions === 1 ? '' : 's'}, sealed`,
    ]);
  } finally {
    passphrase?.fill(0);
  }
}

/** Says what a restore would do; with `--apply`, does it. */
export async function restoreKeys(file: string, options: RestoreOptions, output: Output): Promise<void> {
  const backup = await readFile(file).catch((cause: unknown) => {
    throw new SystemError('not-found', 'NO_BACKUP', `the backup cannot be read: ${messageOf(cause)}`, { cause });
  });
  const passphrase = needsPassphrase(backup)
    ? await readPassphrase(options.passphraseFile, 'Passphrase of the backup')
    : undefined;
  try {
    const input = {
      backup: backup.toString('base64'),
      apply: options.apply ?? false,
      resurrect: options.resurrect ?? [],
    };
    const answer = await callAdmin(dataDirectoryOf(options), 'restoreKeys', input, passphrase);
    output.result(answer, linesOf(answer));
  } finally {
    passphrase?.fill(0);
  }
}

/** The first line says who keeps the key of the file; the server checks it. */
function needsPassphrase(backup: Buffer): boolean {
  try {
    const line = JSON.parse(backup.toString('utf8', 0, backup.indexOf('\n'))) as { provider?: { kind?: unknown } };
    return line.provider?.kind === 'passphrase';
  } catch {
    return false;
  }
}

async function writeNew(file: string, content: Uint8Array): Promise<void> {
  try {
    await using handle = await open(file, 'wx', 0o600);
    await handle.writeFile(content);
    await handle.sync();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') await rm(file, { force: true });
    throw new SystemError('conflict', 'BACKUP_NOT_WRITTEN', `the backup cannot be written: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function linesOf({ created, applied, keys, accounts }: KeyRestore): string[] {
  const says = {
    present: 'is here',
    restore: applied ? 'is restored' : 'would be restored',
    material: applied ? 'has its material again' : 'would get its material again',
    destroyed: 'was destroyed and stays so',
  } as const;
  const lines = keys.map(({ keyId, accountId, regionId, outcome, resurrected }) => {
    const revived = applied
      ? 'was destroyed and is RESURRECTED, disabled'
      : 'was destroyed and would be RESURRECTED, disabled';
    return `${keyId}   ${accountId}   ${regionId}   ${resurrected ? revived : says[outcome]}`;
  });
  if (keys.some(({ outcome, resurrected }) => outcome === 'destroyed' && !resurrected))
    lines.push(
      '',
      'Destroyed keys come back only by name: --resurrect KEY_ID. What was under them can then be opened again.',
    );
  for (const accountId of accounts)
    lines.push(
      '',
      `account ${accountId} ${applied ? 'is new here' : 'would be made'}; give it an AccessKey with: sealdisk account access-key ${accountId}`,
    );
  lines.push(
    '',
    applied
      ? `restored from the backup of ${created}`
      : `This is what the backup of ${created} would do; nothing was changed. Do it with --apply.`,
  );
  return lines;
}
