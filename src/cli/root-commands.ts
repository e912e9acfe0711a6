import { Option } from 'commander';
import type { Command } from 'commander';

import { backUpKeys, restoreKeys } from './commands/keys.ts';
import type { BackupOptions, RestoreOptions } from './commands/keys.ts';
import { moveRootKey, rootKeyStatus, rotateRootKey } from './commands/root-key.ts';
import { unseal } from './commands/unseal.ts';
import type { Output } from './output.ts';

type Run = (options: { readonly json?: boolean }, command: (output: Output) => Promise<void>) => Promise<void>;
type Flag = readonly [flags: string, description: string];

interface Common {
  readonly dataDir?: string;
  readonly json?: boolean;
}

const PASSPHRASE: Flag = [
  '--passphrase-file <file>',
  'where the passphrase is; else it is typed, or comes on standard input',
];

/** The commands of the root of trust: docs/guide/root-of-trust.md. */
export function addRootCommands(program: Command, run: Run, dataDir: Flag, json: Flag): void {
  program
    .command('unseal')
    .description('open a server that is sealed')
    .option(...dataDir)
    .option(...PASSPHRASE)
    .option(...json)
    .action((options: Common & { passphraseFile?: string }) => run(options, (output) => unseal(options, output)));

  const rootKey = program.command('root-key').description('the key that opens everything, and who keeps it');
  rootKey
    .command('status')
    .description('show who keeps the root key, and how far a rotation is')
    .option(...dataDir)
    .option(...json)
    .action((options: Common) => run(options, (output) => rootKeyStatus(options, output)));
  rootKey
    .command('rotate')
    .description('make a new root key and seal everything anew, while the server runs')
    .option(...dataDir)
    .option(...PASSPHRASE)
    .option('--no-wait', 'do not wait until everything is sealed anew')
    .option(...json)
    .action((options: Common & { passphraseFile?: string; wait: boolean }) =>
      run(options, (output) => rotateRootKey(options, output)),
    );
  rootKey
    .command('move')
    .description('give a new root key into other keeping, while the server runs')
    .addOption(
      new Option('--to <provider>', 'who keeps it from now on')
        .choices(['file', 'passphrase', 'pkcs11', 'kms'])
        .makeOptionMandatory(),
    )
    .option(...dataDir)
    .option(...PASSPHRASE)
    .option('--no-wait', 'do not wait until everything is sealed anew')
    .option(...json)
    .action((options: Common & { to: string; passphraseFile?: string; wait: boolean }) =>
      run(options, (output) => moveRootKey(options, output)),
    );

  const keys = program.command('keys').description('all keys of all accounts at once');
  keys
    .command('backup <file>')
    .description('write every key, sealed, to a new file')
    .option(...dataDir)
    .option(...PASSPHRASE)
    .option('--to-provider', 'seal it for the token or KMS that keeps the root key, without a passphrase')
    .option(...json)
    .action((file: string, options: BackupOptions & Common) =>
      run(options, (output) => backUpKeys(file, options, output)),
    );
  keys
    .command('restore <file>')
    .description('say what bringing back keys from a backup would do, or do it')
    .option(...dataDir)
    .option(...PASSPHRASE)
    .option('--apply', 'do it')
    .option('--resurrect <key-id...>', 'bring back these keys although they were destroyed')
    .option(...json)
    .action((file: string, options: RestoreOptions & Common) =>
      run(options, (output) => restoreKeys(file, options, output)),
    );
}
