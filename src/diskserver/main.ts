/** The disk server: serves open disks over NBD, and holds their plaintext data keys. Started and watched by `sealdisk serve`. */
import { closeSync, mkdirSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import pino from 'pino';

import { isKind, messageOf, SystemError } from '../base/errors.ts';
import { systemClock } from '../base/system-clock.ts';
import { lockFile } from '../base/system-file-lock.ts';
import { bootId, forbidMemoryDumps, machineId } from '../base/system-host.ts';
import { systemRandom } from '../base/system-random.ts';
import { makeRuntimeDirectory } from '../base/system-runtime-directory.ts';
import { VERSION } from '../base/version.ts';
import { removeLeftoverDirectories, type Environment } from '../block/disk.ts';
import { localFiles } from '../block/files/local-files.ts';
import { segmentReaders } from './segment-readers.ts';
import { selectCipherBackend } from '../crypto/cipher-backend.ts';
import { PROTOCOL_VERSION } from '../dataplane/protocol.ts';
import { diskServerSocket } from '../dataplane/socket-path.ts';
import { CertificateFiles } from '../nbd/certificate-files.ts';
import { NbdServer } from '../nbd/server.ts';
import { ControlServer, type Handlers } from './control-server.ts';
import { DiskHost } from './disk-host.ts';
import { ExportTable } from './export-table.ts';
import { TransferHost } from './transfer-host.ts';

/** The descriptor on which the starter waits for one line: ready, or why not. */
const READINESS_FD = 3;

async function start(): Promise<void> {
  const { values } = parseArgs({
    args: process.argv.slice(3),
    options: {
      'data-dir': { type: 'string' },
      'nbd-listen': { type: 'string' },
      'nbd-certificate': { type: 'string' },
      'nbd-key': { type: 'string' },
      'nbd-client-ca': { type: 'string' },
    },
  });
  const dataDirectory = values['data-dir'];
  const nbdListen = values['nbd-listen'];
  if (dataDirectory === undefined || nbdListen === undefined) {
    throw new SystemError(
      'invalid',
      'USAGE',
      'the disk server is started by `sealdisk serve`; it needs --data-dir and --nbd-listen',
    );
  }
  process.umask(0o077);
  forbidMemoryDumps();
  const log = pino({ name: 'disk-server' });
  const lock = lockDataDirectory(dataDirectory, nbdListen);

  const socketDirectory = path.join(makeRuntimeDirectory(dataDirectory), 'nbd');
  // Sockets of a disk server that was killed: we hold the lock, so nobody serves them.
  rmSync(socketDirectory, { recursive: true, force: true });
  mkdirSync(socketDirectory, { recursive: true, mode: 0o700 });
  mkdirSync(path.join(dataDirectory, 'disks'), { recursive: true, mode: 0o700 });

  const table = new ExportTable();
  const { 'nbd-certificate': certificate, 'nbd-key': privateKey, 'nbd-client-ca': authorities } = values;
  const certificates =
    certificate !== undefined && privateKey !== undefined && authorities !== undefined
      ? { certificates: new CertificateFiles({ certificate, privateKey, authorities }, log) }
      : {};
  const nbd = new NbdServer({ directory: table, clock: systemClock, random: systemRandom, log, ...certificates });
  const at = nbdListen.lastIndexOf(':');
  const wanted = { host: nbdListen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(nbdListen.slice(at + 1)) };
  const address = await nbd.listenTcp(wanted).catch((error: unknown) => {
    if (!(error instanceof SystemError)) throw error;
    throw new SystemError(error.kind, error.code, `${error.message} NBD listens where --nbd-listen says.`, {
      cause: error,
    });
  });

  const environment: Environment = {
    files: localFiles,
    readers: segmentReaders(),
    clock: systemClock,
    random: systemRandom,
    cipher: selectCipherBackend(log),
    log,
    machineId: machineId(),
  };
  for (const parent of ['disks', 'retired'])
    await removeLeftoverDirectories(environment, path.join(dataDirectory, parent));
  const host = new DiskHost({
    environment,
    dataDirectory,
    socketDirectory,
    nbd,
    table,
    log,
    onPin: (diskId, pin) => control.publish({ event: 'pin', diskId, pin }),
  });

  const transfers = new TransferHost({
    environment,
    dataDirectory,
    socketDirectory,
    nbd,
    table,
    log,
    withClosedDisk: (diskId, work) => host.withClosedDisk(diskId, work),
  });
  const closeEverything = async (): Promise<Awaited<ReturnType<DiskHost['closeAll']>>> => {
    await transfers.closeAll();
    return host.closeAll();
  };

  const stop = async (): Promise<void> => {
    control.close();
    await nbd.close(0);
    lock[Symbol.dispose]();
    process.exit(0);
  };
  const handlers: Handlers = {
    ping: async () => ({}),
    createDisk: async (params) => ({ pin: await host.createDisk(params) }),
    cloneDisk: async (params) => ({ pin: await host.cloneDisk(params) }),
    deleteDisk: async (params) => {
      await transfers.forgetSnapshots(params.diskId, (snapshotId) => !params.snapshots.drop.includes(snapshotId));
      await host.deleteDisk(params);
      return {};
    },
    rotateDataKey: async (params) => ({ pin: await host.rotateDataKey(params) }),
    rewrapDataKey: async (params) => ({ pin: await host.rewrapDataKey(params) }),
    settleDataKey: async (params) => ({ state: await host.settleDataKey(params) }),
    continueReencryption: async (params) => ({ state: await host.continueReencryption(params) }),
    createSnapshot: async (params) => ({ pin: await host.createSnapshot(params) }),
    deleteSnapshot: async (params) => {
      await transfers.forgetSnapshots(params.diskId, (snapshotId) => snapshotId !== params.snapshotId);
      await host.deleteSnapshot(params);
      return {};
    },
    growDisk: async (params) => ({ pin: await host.growDisk(params) }),
    measureUsage: async (params) => ({ usage: await host.measureUsage(params) }),
    openExport: async (params) => ({ info: await host.openExport(params) }),
    openSnapshotExport: async (params) => ({ info: await host.openSnapshotExport(params) }),
    closeExport: async (params) => ({ pin: await host.closeExport(params) }),
    diskStatistics: async ({ diskId }) => ({ statistics: host.statistics(diskId) }),
    listExports: async () => ({ exports: host.listExports() }),
    startScrub: async (params) => ({ scrub: await host.startScrub(params) }),
    describeScrub: async ({ diskId }) => ({ scrub: host.describeScrub(diskId) }),
    openSend: async (params) => ({ info: await transfers.openSend(params) }),
    openReceive: async (params) => ({ info: await transfers.openReceive(params) }),
    applyStream: async (params) => ({ info: await transfers.applyStream(params) }),
    listTransfers: async () => ({ transfers: transfers.listTransfers() }),
    closeTransfer: async ({ transferId, discard }) => {
      await transfers.closeTransfer(transferId, { discard });
      return {};
    },
    shutdown: async () => {
      const pins = await closeEverything();
      setImmediate(() => void stop());
      return { pins };
    },
  };
  const control = new ControlServer(
    {
      protocol: PROTOCOL_VERSION,
      version: VERSION,
      dataDirectory,
      nbdAddress: `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`,
      pid: process.pid,
      bootId: bootId(),
    },
    handlers,
    log,
  );
  await control.listen(diskServerSocket(dataDirectory));

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'closing every disk');
      void closeEverything().then(stop);
    });
  }
  log.info({ dataDirectory, nbd: address, pid: process.pid }, 'disk server ready');
  report({ ready: true });
}

function lockDataDirectory(dataDirectory: string, nbdListen: string): Disposable {
  try {
    return lockFile(
      path.join(dataDirectory, 'disk-server.lock'),
      `disk-server, process ${process.pid}, NBD on ${nbdListen}`,
    );
  } catch (error) {
    if (isKind(error, 'conflict')) {
      throw new SystemError(
        'conflict',
        'LOCKED',
        `another disk server works on ${dataDirectory}: ${error.message}; stop it first`,
        { cause: error },
      );
    }
    throw error;
  }
}

function report(outcome: object): void {
  try {
    writeSync(READINESS_FD, JSON.stringify(outcome));
    closeSync(READINESS_FD);
  } catch {
    // Started by hand: nobody waits.
  }
}

start().catch((error: unknown) => {
  const { kind, code } = error instanceof SystemError ? error : { kind: 'internal', code: 'INTERNAL' };
  report({ kind, code, message: messageOf(error) });
  process.stderr.write(`disk-server: ${messageOf(error)}\n`);
  process.exit(1);
});
