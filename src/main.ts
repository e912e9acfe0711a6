/** The control plane's composition root: configuration → stores → services → servers, and their end. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import pino from 'pino';

import { adminSocket, type NewAccount } from './admin/admin-protocol.ts';
import { AdminServer } from './admin/admin-server.ts';
import { parseAnchors } from './audit/anchor.ts';
import { AuditLog } from './audit/audit-log.ts';
import { messageOf, SystemError } from './base/errors.ts';
import { isoSeconds, type Clock } from './base/clock.ts';
import type { Logger } from './base/log.ts';
import { Scheduler } from './base/scheduler.ts';
import { systemClock } from './base/system-clock.ts';
import { forbidMemoryDumps } from './base/system-host.ts';
import { systemRandom as random } from './base/system-random.ts';
import { VERSION } from './base/version.ts';
import { checkedRegion, formatAddress, loadConfig, type Config, type ConfigInput } from './config.ts';
import { openDataDirectory, type OpenDataDirectory } from './data-directory.ts';
import { RemoteDataPlane } from './dataplane/remote-data-plane.ts';
import { Supervisor } from './dataplane/supervisor.ts';
import { makeFirstAccount } from './first-account.ts';
import type { ReturnedKeys } from './kms/key-destruction.ts';
import { openKms } from './kms/kms.ts';
import { SealedBytes } from './kms/sealed-bytes.ts';
import { SecretBytes } from './crypto/secret-bytes.ts';
import { ClientTokens } from './metadata/client-tokens.ts';
import { createAccessKey, createAccount, type AccountParts, type NewAccessKey } from './ram/accounts.ts';
import { AccessKeyUses } from './ram/access-key-uses.ts';
import { AnyCredentials } from './ram/any-credentials.ts';
import { PolicyAuthorizer } from './ram/authorizer.ts';
import { StoredCredentials } from './ram/credentials.ts';
import { DenialReports } from './ram/denial-reports.ts';
import { isSharedWith } from './ram/policy/key-policy.ts';
import { PolicyDocuments } from './ram/policy/policy-documents.ts';
import { evaluateServiceRole } from './ram/roles.ts';
import { SessionCredentials } from './ram/session-credentials.ts';
import { SessionTokens } from './ram/session-token.ts';
import { openTokenKey } from './ram/token-key.ts';
import { RpcServer } from './rpc/server.ts';
import type { EcsDependencies } from './services/ecs/dependencies.ts';
import { DiskRotations } from './services/ecs/disk-rotations.ts';
import { DOCUMENTED_LIMITS } from './services/ecs/encryption-limits.ts';
import { recordPin } from './services/ecs/pins.ts';
import { takeBackCreations } from './services/ecs/reconcile.ts';
import { ecsActions } from './services/ecs/registry.ts';
import { kmsActions } from './services/kms/registry.ts';
import { ramActions } from './services/ram/registry.ts';
import { ExportKeeper } from './services/sealdisk/export-keeper.ts';
import { TransferKeeper } from './services/sealdisk/transfer-keeper.ts';
import { PassphraseKeys } from './kms/passphrase-keys.ts';
import { sealdiskActions } from './services/sealdisk/registry.ts';
import { stsActions } from './services/sts/registry.ts';
import { clockOf, describeAhead, openServerClock, type ServerClock } from './test-clock.ts';
import { waitingWork } from './waiting-work.ts';

const DISK_SERVER_PROGRAM = fileURLToPath(new URL('./diskserver/main.ts', import.meta.url));

/** How long running requests may take when the server is asked to stop. */
const STOP_GRACE_MS = 5_000;

/** Runs the control plane until it is asked to stop. */
export async function serve(options: ConfigInput): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  const config = loadConfig(options, process.env);
  process.umask(0o077);
  forbidMemoryDumps();
  const log = pino({ name: 'sealdisk', level: process.env['SEALDISK_LOG_LEVEL'] ?? 'warn' }, pino.destination(2));
  const stopAsked = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => resolve());
  });
  await using directory = await openDataDirectory(config.dataDirectory, {
    owner: `sealdisk serve, process ${process.pid}, API on ${formatAddress(config.listen)}`,
    passphraseFile: config.passphraseFile,
    log,
  });
  const serverClock = await openServerClock(directory.database, systemClock, config.testClock);
  const { clock } = serverClock;
  const accounts: AccountParts = { database: directory.database, sealer: directory.rootKey.sealer, clock, random };
  await using audit = await openAuditLog(config, directory, clock, log, 'serve');
  const firstAccount = await makeFirstAccount(accounts, config);
  await using server = await startServer(config, directory, accounts, serverClock, audit, log);
  announce(config, server, firstAccount, serverClock, clock.monotonicMs() - startedMs);
  await stopAsked;
}

/** Creates an account in a data directory that no server has open. */
export async function createAccountOffline(options: {
  readonly dataDirectory: string;
  readonly region?: string;
}): Promise<NewAccount> {
  const config = loadConfig({ dataDir: options.dataDirectory }, process.env);
  const log = pino({ name: 'sealdisk', level: 'warn' }, pino.destination(2));
  await using directory = await openDataDirectory(config.dataDirectory, {
    owner: `sealdisk account create, process ${process.pid}`,
    passphraseFile: config.passphraseFile,
    log,
  });
  const clock = await clockOf(directory.database, systemClock);
  const accounts: AccountParts = { database: directory.database, sealer: directory.rootKey.sealer, clock, random };
  await using audit = await openAuditLog(config, directory, clock, log, 'account create');
  const regionId = regionOfAccount(options.region, config);
  return await audit.administer('createAccount', { region: regionId }, () => createAccount(accounts, { regionId }));
}

function openAuditLog(
  { dataDirectory }: Config,
  { database, rootKey }: OpenDataDirectory,
  clock: Clock,
  log: Logger,
  program: string,
): Promise<AuditLog> {
  return AuditLog.open({ dataDirectory, database, sealer: rootKey.sealer, clock, random, log, program });
}

function regionOfAccount(asked: string | undefined, { defaultRegion }: Config): string {
  return asked === undefined ? defaultRegion : checkedRegion(asked, '--region');
}

interface RunningServer extends AsyncDisposable {
  /** `host:port`, as bound. */
  readonly api: string;
  readonly nbd: string;
}

async function startServer(
  config: Config,
  directory: OpenDataDirectory,
  accounts: AccountParts,
  { clock, test }: ServerClock,
  audit: AuditLog,
  log: Logger,
): Promise<RunningServer> {
  const { database, ciphers, rootKey } = directory;
  await using stack = new AsyncDisposableStack();

  const documents = new PolicyDocuments();
  const kms = await openKms({
    dataDirectory: config.dataDirectory,
    database,
    sealer: rootKey.sealer,
    ciphers,
    clock,
    random,
    evaluateServiceRole: (request) => evaluateServiceRole(database.read, request, documents),
    recordKeyUse: (use) => audit.recordKeyUse(use),
    isSharedWith: (policy, accountId) => isSharedWith(documents.keyPolicy(policy), accountId),
  });
  tellOfReturnedKeys(kms.returned, log);

  const supervisor = new Supervisor({
    dataDirectory: config.dataDirectory,
    nbdListen: formatAddress(config.nbdListen),
    nbdCertificates: config.nbdCertificates,
    program: DISK_SERVER_PROGRAM,
    version: VERSION,
    clock,
    log,
    onEvent: ({ diskId, pin }) => inBackground(recordPin(database, diskId, pin), log, 'a pin could not be stored'),
    onConnected: () => inBackground(exports.reopenAll(), log, 'exports could not be opened again'),
  });
  const dataPlane = new RemoteDataPlane(supervisor);
  const rotations = new DiskRotations({ database, dataPlane, diskKeys: kms.diskKeys, clock, log });
  const ecs: EcsDependencies = {
    database,
    dataPlane,
    dataKeys: rotations.dataKeys,
    rotations,
    clock,
    random,
    log,
    limits: DOCUMENTED_LIMITS,
    apiAddress: formatAddress(config.listen),
  };
  const exports = new ExportKeeper({ ...ecs, sealer: rootKey.sealer, bootId: () => supervisor.bootId });
  const passphrases = new PassphraseKeys(ciphers, random);
  const transfers = new TransferKeeper({ ...ecs, sealer: rootKey.sealer, passphrases });

  await takeBackCreations({ database });
  await supervisor.start();
  stack.defer(async () => {
    if (config.keepExports) {
      supervisor.leave();
      return;
    }
    for (const { diskId, pin } of await supervisor.shutDown()) await recordPin(database, diskId, pin);
  });

  const pruneAudit = { audit, keepDays: config.auditKeepDays };
  const scheduler = stack.use(new Scheduler(clock, log, waitingWork({ ...ecs, exports, kms, ...pruneAudit })));
  scheduler.start();
  stack.use(exports.keepTrying());
  stack.use(transfers.keepSettling());

  const authorizer = new PolicyAuthorizer(database.read, {
    documents,
    reports: new DenialReports(database.read, rootKey.sealer),
  });
  const tokenKey = stack.use(new SecretBytes(await openTokenKey(database, rootKey.sealer, random)));
  const tokens = new SessionTokens(new SealedBytes(ciphers, random, tokenKey.reveal()));
  const sessions = { reader: database.read, tokens, clock, random, documents };

  const rpc = new RpcServer({
    registry: [
      ...ecsActions(ecs),
      ...kmsActions(kms),
      ...ramActions(accounts),
      ...stsActions(sessions),
      ...sealdiskActions({ ...ecs, exports, transfers, authorizer }),
    ],
    credentials: new AnyCredentials(
      new StoredCredentials(database.read, rootKey.sealer),
      new SessionCredentials(sessions),
    ),
    authorizer,
    accessKeyUses: new AccessKeyUses({ database, clock, log }),
    clientTokens: new ClientTokens(database),
    audit,
    clock,
    // Clients sign with the real time, wherever the server's date was put.
    signatureClock: systemClock,
    random,
    log,
    defaultRegion: config.defaultRegion,
    limits: { rates: config.requestRates },
    nonceDirectory: path.join(config.dataDirectory, 'nonces'),
  });
  const bound = await rpc.listen(config.listen).catch((error: unknown) => {
    throw listenError(error, formatAddress(config.listen));
  });
  stack.defer(() => rpc.close(STOP_GRACE_MS));
  const api = formatAddress(bound);

  const admin = new AdminServer(
    {
      status: async () => ({
        version: VERSION,
        pid: process.pid,
        dataDirectory: config.dataDirectory,
        api,
        nbd: supervisor.nbdAddress,
        defaultRegion: config.defaultRegion,
        ...(supervisor.pid === undefined ? {} : { diskServerPid: supervisor.pid }),
        exports: (await dataPlane.listExports()).length,
        ...(test && { clock: describeAhead(test.clock.aheadMs) }),
      }),
      createAccount: ({ region }) => {
        const regionId = regionOfAccount(region, config);
        return audit.administer('createAccount', { region: regionId }, () => createAccount(accounts, { regionId }));
      },
      createAccessKey: ({ accountId }) =>
        audit.administer('createAccessKey', { accountId }, () => createAccessKey(accounts, accountId)),
      auditAnchor: async () => ({ anchor: await audit.anchor() }),
      verifyAudit: ({ anchors, file }) => audit.verify(parseAnchors(anchors), file),
      advanceClock: ({ seconds }) => {
        if (test === undefined) throw noTestClock();
        return audit.administer('advanceClock', { seconds }, async () => {
          await test.advance(seconds * 1000);
          await scheduler.runDue();
          const { aheadMs } = test.clock;
          return { now: isoSeconds(clock.nowMs()), ahead: describeAhead(aheadMs), aheadSeconds: aheadMs / 1000 };
        });
      },
    },
    log,
  );
  await admin.listen(adminSocket(config.dataDirectory));
  stack.defer(() => admin.close());

  const owned = stack.move();
  return { api, nbd: supervisor.nbdAddress, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function tellOfReturnedKeys({ destroyedAgain, unguarded }: ReturnedKeys, log: Logger): void {
  for (const keyId of destroyedAgain)
    log.warn({ keyId }, 'a key that was destroyed had come back with an old copy, and was destroyed again');
  for (const keyId of unguarded)
    log.error({ keyId }, 'the tombstone of a destroyed key does not open: an old copy could bring the key back');
}

function noTestClock(): SystemError {
  return new SystemError(
    'denied',
    'NO_TEST_CLOCK',
    'this server keeps the real time; for tests, start one with: sealdisk serve --test-clock',
  );
}

function inBackground(work: Promise<unknown>, log: Logger, failure: string): void {
  work.catch((error: unknown) => log.error({ reason: messageOf(error) }, failure));
}

function listenError(error: unknown, address: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  const what =
    code === 'EADDRINUSE'
      ? `${address} is in use; stop the program that listens there`
      : `cannot listen on ${address} (${messageOf(error)})`;
  return new SystemError('conflict', 'PORT_TAKEN', `${what}, or choose another address with --listen`, {
    cause: error,
  });
}

function announce(
  config: Config,
  { api, nbd }: RunningServer,
  firstAccount: NewAccessKey | undefined,
  { test }: ServerClock,
  tookMs: number,
): void {
  const lines = [
    `sealdisk ${VERSION}   data ${config.dataDirectory}`,
    '',
    `  API   http://${api}   ECS, KMS, RAM, STS`,
    `  NBD   ${nbd}   TLS`,
  ];
  if (test !== undefined) {
    lines.push(
      '',
      `  TEST CLOCK   ${describeAhead(test.clock.aheadMs)} of the real one, and it can be put forward: keys, tokens and snapshots`,
      '               end early. For tests only; this data directory will not start without --test-clock once it was moved.',
    );
  }
  if (firstAccount !== undefined) {
    lines.push(
      '',
      `  Account           ${firstAccount.accountId}`,
      `  AccessKey id      ${firstAccount.accessKeyId}`,
      `  AccessKey secret  ${firstAccount.accessKeySecret}`,
      `  shown this once, kept in ${path.join(config.dataDirectory, 'credentials.json')}`,
      ...(config.passphraseFile === undefined
        ? ['', `  Back up ${path.join(config.dataDirectory, 'root.key')}: without it nothing here can be opened.`]
        : []),
      '',
      '  Next: eval "$(npx sealdisk env)", then use any Alibaba Cloud SDK or the aliyun CLI; or npx sealdisk demo',
    );
  }
  lines.push('', `ready in ${(tookMs / 1000).toFixed(2)} s`);
  process.stdout.write(`${lines.join('\n')}\n`);
}
