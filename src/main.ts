/** The control plane's composition root: configuration → stores → services → servers, and their end. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import pino from 'pino';

import { adminSocket, type NewAccount } from './admin/admin-protocol.ts';
import { AdminServer } from './admin/admin-server.ts';
import { announce, announceSealed } from './announce.ts';
import { parseAnchors } from './audit/anchor.ts';
import { auditKeyFile } from './audit/audit-key.ts';
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
import { holdDataDirectory, openDataDirectory, type OpenDataDirectory } from './data-directory.ts';
import { RemoteDataPlane } from './dataplane/remote-data-plane.ts';
import { Supervisor } from './dataplane/supervisor.ts';
import { makeFirstAccount } from './first-account.ts';
import type { ReturnedKeys } from './kms/key-destruction.ts';
import { openKms } from './kms/kms.ts';
import { SealedBytes } from './kms/sealed-bytes.ts';
import { SecretBytes } from './crypto/secret-bytes.ts';
import { ClientTokens } from './metadata/client-tokens.ts';
import { createAccessKey, createAccount, type AccountParts } from './ram/accounts.ts';
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
import { rootAdministration } from './root-administration.ts';
import { Resealing } from './root/resealing.ts';
import { RpcServer } from './rpc/server.ts';
import { openWhenUnsealed, type Opened } from './sealed-start.ts';
import type { EcsDependencies } from './services/ecs/dependencies.ts';
import { DiskRotations } from './services/ecs/disk-rotations.ts';
import { DOCUMENTED_LIMITS } from './services/ecs/encryption-limits.ts';
import { ImageFileWork } from './services/ecs/images/image-file-work.ts';
import { ImageStore } from './services/ecs/images/image-store.ts';
import { qemuImg } from './services/ecs/images/qemu-img.ts';
import { ImageCopies } from './services/ecs/images/image-copies.ts';
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
  const stop = new AbortController();
  const stopAsked = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  const owner = `sealdisk serve, process ${process.pid}, API on ${formatAddress(config.listen)}`;
  using held = holdDataDirectory(config.dataDirectory, owner, log);
  const admin = new AdminServer(log);
  await admin.listen(adminSocket(config.dataDirectory));
  await using _admin = { [Symbol.asyncDispose]: () => admin.close() };
  const opened = await openWhenUnsealed({
    config,
    held,
    admin,
    clock: systemClock,
    random,
    log,
    stop: stop.signal,
    onSealed: (reason, api) => announceSealed(config, reason, api),
    listenError,
  });
  if (opened === undefined) return;
  await using directory = opened.directory;
  await using _door = opened.door;
  const serverClock = await openServerClock(directory.database, systemClock, config.testClock);
  const { clock } = serverClock;
  const { rows: sealer } = directory.sealers;
  const accounts: AccountParts = { database: directory.database, sealer, clock, random };
  await using audit = await openAuditLog(config, directory, clock, log, 'serve');
  if (opened.door !== undefined)
    await audit.administer('unseal', { provider: directory.trust.provider }, async () => undefined);
  const firstAccount = await makeFirstAccount(accounts, config);
  const listening = { ...config, listen: opened.listen };
  await using server = await startServer(listening, opened, accounts, serverClock, audit, admin, log);
  const tookMs = clock.monotonicMs() - startedMs;
  announce(config, server, directory.trust.provider, firstAccount, serverClock, tookMs);
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
    root: config.root,
    log,
  });
  const clock = await clockOf(directory.database, systemClock);
  const accounts: AccountParts = { database: directory.database, sealer: directory.sealers.rows, clock, random };
  await using audit = await openAuditLog(config, directory, clock, log, 'account create');
  const regionId = regionOfAccount(options.region, config);
  return await audit.administer('createAccount', { region: regionId }, () => createAccount(accounts, { regionId }));
}

function openAuditLog(
  { dataDirectory }: Config,
  { database, sealers }: OpenDataDirectory,
  clock: Clock,
  log: Logger,
  program: string,
): Promise<AuditLog> {
  return AuditLog.open({ dataDirectory, database, sealer: sealers.rows, clock, random, log, program });
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
  { directory, door }: Opened,
  accounts: AccountParts,
  { clock, test }: ServerClock,
  audit: AuditLog,
  admin: AdminServer,
  log: Logger,
): Promise<RunningServer> {
  const { database, ciphers, trust, sealers } = directory;
  await using stack = new AsyncDisposableStack();

  const documents = new PolicyDocuments();
  // Until the server is put together; what is left to seal anew is found out then.
  let resealSoon = (): void => undefined;
  const kms = await openKms({
    dataDirectory: config.dataDirectory,
    database,
    sealers,
    ciphers,
    clock,
    random,
    evaluateServiceRole: (request) => evaluateServiceRole(database.read, request, documents),
    recordKeyUse: (use) => audit.recordKeyUse(use),
    isSharedWith: (policy, accountId) => isSharedWith(documents.keyPolicy(policy), accountId),
    // Copies of the destroyed files must not open with what is left.
    afterDestruction: async () => {
      await trust.renew('keys');
      resealSoon();
    },
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
  const imageCopies = stack.use(new ImageCopies({ database, dataPlane, dataKeys: rotations.dataKeys, clock, log }));
  const store = config.imageStore === undefined ? undefined : new ImageStore(config.imageStore);
  const fileParts = { database, dataPlane, dataKeys: rotations.dataKeys, clock, random, log, store };
  const fileWork = stack.use(new ImageFileWork({ ...fileParts, converter: qemuImg }));
  const ecs: EcsDependencies = {
    database,
    imageCopies,
    imageFiles: { store, converter: qemuImg, work: fileWork },
    dataPlane,
    dataKeys: rotations.dataKeys,
    rotations,
    clock,
    random,
    log,
    limits: DOCUMENTED_LIMITS,
    apiAddress: formatAddress(config.listen),
  };
  const exports = new ExportKeeper({ ...ecs, sealer: sealers.rows, bootId: () => supervisor.bootId });
  const passphrases = new PassphraseKeys(ciphers, random);
  const transfers = new TransferKeeper({ ...ecs, sealer: sealers.rows, passphrases });

  await takeBackCreations({ database });
  await supervisor.start();
  stack.defer(async () => {
    if (config.keepExports) {
      supervisor.leave();
      return;
    }
    for (const { diskId, pin } of await supervisor.shutDown()) await recordPin(database, diskId, pin);
  });

  const resealing = new Resealing({ trust, ...kms, database, log, files: [auditKeyFile(config.dataDirectory)] });
  resealSoon = () => inBackground(resealing.run(), log, 'sealing anew failed');
  const pruneAudit = { audit, keepDays: config.auditKeepDays };
  const work = waitingWork({ ...ecs, exports, kms, resealing, ...pruneAudit });
  const scheduler = stack.use(new Scheduler(clock, log, work));
  scheduler.start();
  stack.use(exports.keepTrying());
  stack.use(transfers.keepSettling());

  const authorizer = new PolicyAuthorizer(database.read, {
    documents,
    reports: new DenialReports(database.read, sealers.rows),
  });
  const tokenKey = stack.use(new SecretBytes(await openTokenKey(database, sealers.rows, random)));
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
      new StoredCredentials(database.read, sealers.rows),
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
    server: door?.server,
  });
  const bound = await rpc.listen(config.listen).catch((error: unknown) => {
    throw listenError(error, formatAddress(config.listen));
  });
  stack.defer(() => rpc.close(STOP_GRACE_MS));
  const api = formatAddress(bound);

  admin.offer('open', {
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
    ...rootAdministration({
      dataDirectory: config.dataDirectory,
      settings: config.root,
      trust,
      resealing,
      store: kms.store,
      tombstones: kms.tombstones,
      database,
      ciphers,
      clock,
      random,
      log,
      administer: (operation, details, body) => audit.administer(operation, details, body),
    }),
  });
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
