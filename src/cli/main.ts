/** The command line: parses, calls the running server, prints. Data goes to standard output, talk to standard error. */
import { Command, CommanderError } from 'commander';

import { dieWithParent } from '../base/system-host.ts';
import { VERSION } from '../base/version.ts';
import { accountAccessKey, accountCreate } from './commands/account.ts';
import { auditAnchor, auditExport, auditTail, auditVerify } from './commands/audit.ts';
import { demo } from './commands/demo.ts';
import { advanceClock } from './commands/clock.ts';
import { scrubDisk } from './commands/disk-scrub.ts';
import {
  diskReencryption,
  rewrapDiskKey,
  rotateDiskKey,
  type ReencryptionOptions,
  type RotateOptions,
} from './commands/disk-rotate-key.ts';
import { diskUsage } from './commands/disk-usage.ts';
import { diskReceive, type ReceiveOptions } from './commands/disk-receive.ts';
import { diskSend, type SendOptions } from './commands/disk-send.ts';
import { cancelTransfer, diskTransfers } from './commands/disk-transfers.ts';
import { env } from './commands/env.ts';
import { fsckDisk, type FsckCommand } from './commands/fsck.ts';
import { changeSharing, imageSharing } from './commands/image-sharing.ts';
import { exportDisk, exportSnapshot } from './commands/export.ts';
import { checkPolicyFile, simulatePolicy, type SimulateOptions } from './commands/policy.ts';
import { status } from './commands/status.ts';
import { unexportDisk } from './commands/unexport.ts';
import { whyDenied } from './commands/why-denied.ts';
import { describeFailure, EXIT_USAGE } from './failure.ts';
import type { Composition } from './composition.ts';
import { Output } from './output.ts';
import { addRootCommands } from './root-commands.ts';

/** Runs one command; answers the exit code. */
export async function main(args: readonly string[], composition: Composition): Promise<number> {
  if (process.env['SEALDISK_STARTED_BY'] !== undefined) {
    delete process.env['SEALDISK_STARTED_BY'];
    dieWithParent();
  }
  const program = new Command('sealdisk')
    .description('Encrypted cloud disks on your own machine, spoken to like Alibaba Cloud ECS, KMS and RAM')
    .version(VERSION)
    .exitOverride()
    .configureHelp({ sortSubcommands: false });
  const dataDir = [
    '--data-dir <dir>',
    'where everything is kept (SEALDISK_DATA_DIR, default ./sealdisk-data)',
  ] as const;
  const json = ['--json', 'print one JSON object and nothing else'] as const;
  let exitCode = 0;

  const run = async (
    options: { readonly json?: boolean },
    command: (output: Output) => Promise<void>,
  ): Promise<void> => {
    const output = new Output(options.json ?? false);
    try {
      await command(output);
    } catch (error) {
      exitCode = describeFailure(error, output);
    }
  };

  program
    .command('serve')
    .description('start the server (no configuration needed)')
    .option(...dataDir)
    .option('--listen <host:port>', 'the API (SEALDISK_LISTEN, default 127.0.0.1:8686)')
    .option('--nbd-listen <host:port>', 'NBD over TLS (SEALDISK_NBD_LISTEN, default 127.0.0.1:10809)')
    .option('--nbd-certificate <file>', 'the certificate of NBD over TLS, PEM (SEALDISK_NBD_CERTIFICATE)')
    .option('--nbd-key <file>', 'its private key (SEALDISK_NBD_KEY)')
    .option('--nbd-client-ca <file>', 'who issues certificates of NBD clients (SEALDISK_NBD_CLIENT_CA)')
    .option('--keep-exports', 'when stopped, leave open disks serving for the next start to adopt')
    .option('--test-clock', 'let "sealdisk clock advance" put the date forward, for tests; loopback only')
    .action((options: Parameters<Composition['serve']>[0]) => run({}, () => composition.serve(options)));
  program
    .command('status')
    .description('show the running server')
    .option(...dataDir)
    .option(...json)
    .action((options: { dataDir?: string; json?: boolean }) => run(options, (output) => status(options, output)));

  const clock = program.command('clock').description('the date of a server that was started with --test-clock');
  clock
    .command('advance <duration>')
    .description('put the date forward by 8d, 12h, 30m or 90s, and do everything that is due then')
    .option(...dataDir)
    .option(...json)
    .action((duration: string, options: { dataDir?: string; json?: boolean }) =>
      run(options, (output) => advanceClock(duration, options, output)),
    );

  const account = program.command('account').description('accounts and their AccessKeys');
  account
    .command('create')
    .description('create an account with its first AccessKey')
    .option(...dataDir)
    .option('--region <region>', 'where its requests go that name no region')
    .option(...json)
    .action((options: { dataDir?: string; region?: string; json?: boolean }) =>
      run(options, (output) => accountCreate(options, composition, output)),
    );
  account
    .command('access-key <account-id>')
    .description('create a further AccessKey for an account whose credentials are lost')
    .option(...dataDir)
    .option(...json)
    .action((accountId: string, options: { dataDir?: string; json?: boolean }) =>
      run(options, (output) => accountAccessKey(accountId, options, output)),
    );

  program
    .command('export <disk-id>')
    .description('open a disk for NBD clients and print how to reach it')
    .option(...dataDir)
    .option('--read-only', 'refuse writes')
    .option('--adopt', 'accept a disk that was left open on another machine or in another directory')
    .option('--salvage', 'open a disk whose log is damaged, for reading, as it was before the damage')
    .option(...json)
    .action(
      (
        diskId: string,
        options: { dataDir?: string; readOnly?: boolean; adopt?: boolean; salvage?: boolean; json?: boolean },
      ) => run(options, (output) => exportDisk(diskId, options, output)),
    );
  program
    .command('unexport <export-id>')
    .description('flush and close a disk that was exported')
    .option(...dataDir)
    .option('--force', 'drop the disk even when its last writes cannot be flushed')
    .option(...json)
    .action((exportId: string, options: { dataDir?: string; force?: boolean; json?: boolean }) =>
      run(options, (output) => unexportDisk(exportId, options, output)),
    );
  program
    .command('export-snapshot <snapshot-id>')
    .description('open a snapshot for NBD clients, for reading, and print how to reach it')
    .option(...dataDir)
    .option('--base <snapshot-id>', 'an older snapshot of the same disk: what differs from it is a bitmap')
    .option(...json)
    .action((snapshotId: string, options: { dataDir?: string; base?: string; json?: boolean }) =>
      run(options, (output) => exportSnapshot(snapshotId, options, output)),
    );
  const disk = program.command('disk').description('what is done with a whole disk');
  disk
    .command('scrub <disk-id>')
    .description('read and verify everything that a disk and its snapshots need, while it is used')
    .option(...dataDir)
    .option('--rate <MiB/s>', 'how fast to read at most (default 64)')
    .option('--no-wait', 'begin, and do not wait for the end')
    .option(...json)
    .action((diskId: string, options: { dataDir?: string; rate?: string; wait: boolean; json?: boolean }) =>
      run(options, async (output) => {
        exitCode = await scrubDisk(diskId, options, output);
      }),
    );
  disk
    .command('usage <disk-id>')
    .description('count what a disk and each of its snapshots take, by themselves and together')
    .option(...dataDir)
    .option(...json)
    .action((diskId: string, options: { dataDir?: string; json?: boolean }) =>
      run(options, (output) => diskUsage(diskId, options, output)),
    );
  disk
    .command('rotate-key <disk-id>')
    .description(
      'give a disk another data key while it is used; encrypts a plain one, and changes AES into SM4 or back',
    )
    .option(...dataDir)
    .option('--key <key-id>', 'the KMS key that wraps it (default: the key of the disk)')
    .option('--rate <MiB/s>', 'how fast to seal anew what is stored (default: as clients leave room)')
    .option('--no-wait', 'do not wait until everything is sealed anew')
    .option(...json)
    .action((diskId: string, options: RotateOptions & { json?: boolean }) =>
      run(options, (output) => rotateDiskKey(diskId, options, output)),
    );
  disk
    .command('rewrap-key <disk-id>')
    .description('wrap the data key of a disk by the newest version of its KMS key')
    .option(...dataDir)
    .option(...json)
    .action((diskId: string, options: { dataDir?: string; json?: boolean }) =>
      run(options, (output) => rewrapDiskKey(diskId, options, output)),
    );
  disk
    .command('reencryption <disk-id>')
    .description('how far a disk is sealed under its newest data key')
    .option(...dataDir)
    .option('--pause', 'let it rest, until --resume')
    .option('--resume', 'have it go on')
    .option('--rate <MiB/s>', 'how fast; 0 is no limit')
    .option('--wait', 'wait for the end')
    .option(...json)
    .action((diskId: string, options: ReencryptionOptions & { json?: boolean }) =>
      run(options, (output) => diskReencryption(diskId, options, output)),
    );
  disk
    .command('send <snapshot-id>')
    .description('write a snapshot, sealed, to standard output')
    .option(...dataDir)
    .option('--from <snapshot-id>', 'only what changed since this earlier snapshot')
    .option('--key <key-id>', 'seal the stream for this KMS key (default: the key of the disk)')
    .option('--passphrase-file <file>', 'seal the stream for whoever has this passphrase')
    .option('--resume <transfer-id>', 'go on with a transfer that was interrupted')
    .option('--offset <bytes>', 'leave out what has arrived already; with --resume')
    .action((snapshotId: string, options: SendOptions) => run({}, (output) => diskSend(snapshotId, options, output)));
  disk
    .command('receive')
    .description('make a disk of the stream on standard input, or bring the one along that the stream goes on from')
    .option(...dataDir)
    .option('--disk <disk-id>', 'the disk that an incremental stream is for, where several fit')
    .option('--key <key-id>', 'encrypt the new disk under this KMS key (default: the service key)')
    .option('--encrypt', 'encrypt the new disk although the one that was sent is not')
    .option('--plain', 'do not encrypt the new disk although the one that was sent is')
    .option('--zone <zone-id>', 'where the new disk lies')
    .option('--name <name>', 'of the new disk')
    .option('--passphrase-file <file>', 'what the stream was sealed for')
    .option('--resume <transfer-id>', 'go on with a transfer that was interrupted; without --offset, say where')
    .option('--offset <bytes>', 'where in the stream standard input begins; with --resume')
    .option(...json)
    .action((options: ReceiveOptions & { json?: boolean }) => run(options, (output) => diskReceive(options, output)));
  disk
    .command('transfers')
    .description('list what is being sent and received')
    .option(...dataDir)
    .option(...json)
    .action((options: { dataDir?: string; json?: boolean }) =>
      run(options, (output) => diskTransfers(options, output)),
    );
  disk
    .command('cancel-transfer <transfer-id>')
    .description('end a transfer and remove what it received')
    .option(...dataDir)
    .option(...json)
    .action((transferId: string, options: { dataDir?: string; json?: boolean }) =>
      run(options, (output) => cancelTransfer(transferId, options, output)),
    );
  const image = program.command('image').description('what is done with images');
  image
    .command('sharing <image-id>')
    .description('show whom an image is shared with, whether they can use it, and what would be better')
    .option(...dataDir)
    .option(...json)
    .action((imageId: string, options: { dataDir?: string; json?: boolean }) =>
      run(options, async (output) => {
        exitCode = await imageSharing(imageId, options, output);
      }),
    );
  image
    .command('share <image-id> <account-id...>')
    .description('let other accounts use an image, at most 10 at once')
    .option(...dataDir)
    .option(...json)
    .action((imageId: string, add: string[], options: { dataDir?: string; json?: boolean }) =>
      run(options, async (output) => {
        exitCode = await changeSharing(imageId, { add }, options, output);
      }),
    );
  image
    .command('unshare <image-id> <account-id...>')
    .description('take an image back from other accounts; what they made of it stays')
    .option(...dataDir)
    .option(...json)
    .action((imageId: string, remove: string[], options: { dataDir?: string; json?: boolean }) =>
      run(options, async (output) => {
        exitCode = await changeSharing(imageId, { remove }, options, output);
      }),
    );
  const policy = program.command('policy').description('policies: are they understood, and what do they allow');
  policy
    .command('check <file>')
    .description('read a policy and say where it is wrong; needs no server')
    .option('--trust', "the file is a role's trust policy")
    .option(...json)
    .action((file: string, options: { trust?: boolean; json?: boolean }) =>
      run(options, async (output) => {
        exitCode = await checkPolicyFile(file, options, composition, output);
      }),
    );
  policy
    .command('simulate <principal-arn> <action> <resource>')
    .description('what would be decided if a user, role or account asked, and which statement would decide')
    .option(...dataDir)
    .option('--context <key=value...>', 'what conditions see beside the tags of the resource')
    .option('--session-policy <file>', 'what the session of a role is narrowed to')
    .option(...json)
    .action((principal: string, action: string, resource: string, options: SimulateOptions) =>
      run(options, async (output) => {
        exitCode = await simulatePolicy({ principal, action, resource }, options, output);
      }),
    );
  program
    .command('fsck <disk>')
    .description('check a disk that nobody has open, by its id or directory, or make it anew from what is left')
    .option(...dataDir)
    .option('--no-keys', 'check what can be checked without any key')
    .option('--rebuild', 'make a new disk from what verifies; the damaged files are kept aside')
    .option('--size <GiB>', 'of a rebuilt disk, where nothing else tells it')
    .option('--wrapped-key <file>', 'a copy of the wrapped data key, where neither the database nor the head has it')
    .option(...json)
    .action((diskName: string, options: FsckCommand & { json?: boolean }) =>
      run(options, async (output) => {
        exitCode = await fsckDisk(diskName, options, composition, output);
      }),
    );
  const audit = program.command('audit').description('the log of every call and every use of a key');
  audit
    .command('tail')
    .description('print the last records')
    .option(...dataDir)
    .option('-n, --lines <count>', 'how many (default 20)')
    .option('-f, --follow', 'go on with what is written from now on')
    .option('--json', 'print records as they stand in the log')
    .action((options: { dataDir?: string; lines?: string; follow?: boolean; json?: boolean }) =>
      run(options, () => auditTail(options)),
    );
  audit
    .command('verify')
    .description('find out whether any record was removed, changed or moved')
    .option(...dataDir)
    .option('--anchor <file>', 'what sealdisk audit anchor printed earlier, one a line')
    .option('--file <file>', 'verify records that were exported')
    .option(...json)
    .action((options: { dataDir?: string; anchor?: string; file?: string; json?: boolean }) =>
      run(options, async (output) => {
        exitCode = await auditVerify(options, composition, output);
      }),
    );
  audit
    .command('export')
    .description('print the records of a span of time, so that they can be verified by themselves')
    .option(...dataDir)
    .option('--from <time>', 'such as 2026-11-24 or 2026-11-24T08:00:00Z (default: the beginning)')
    .option('--to <time>', 'the first moment that is left out (default: now)')
    .action((options: { dataDir?: string; from?: string; to?: string }) =>
      run({}, (output) => auditExport(options, output)),
    );
  audit
    .command('anchor')
    .description('print the end of the log, to be kept where nobody who reaches this machine can change it')
    .option(...dataDir)
    .option(...json)
    .action((options: { dataDir?: string; json?: boolean }) =>
      run(options, (output) => auditAnchor(options, composition, output)),
    );
  program
    .command('why-denied <request-id>')
    .description('say which statement of which policy refused a request, or what would allow it')
    .option(...dataDir)
    .option(...json)
    .action((requestId: string, options: { dataDir?: string; json?: boolean }) =>
      run(options, (output) => whyDenied(requestId, options, output)),
    );
  addRootCommands(program, run, dataDir, json);
  program
    .command('env')
    .description('print settings for SDKs and the aliyun CLI: eval "$(sealdisk env)"')
    .option(...dataDir)
    .option(...json)
    .action((options: { dataDir?: string; json?: boolean }) => run(options, (output) => env(options, output)));
  program
    .command('demo')
    .description('show an encrypted disk from its creation to a disabled key, on a server of its own')
    .option(...json)
    .action((options: { json?: boolean }) =>
      run(options, async (output) => {
        exitCode = await demo(output);
      }),
    );

  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  return exitCode;
}
