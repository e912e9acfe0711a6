/** Us: the disk server program as the control plane starts it, on its default settings, with disks on Unix sockets. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { systemClock } from '../../src/base/system-clock.ts';
import { runtimeDirectory } from '../../src/base/system-runtime-directory.ts';
import { GiB } from '../../src/base/units.ts';
import type { Suite } from '../../src/crypto/aead.ts';
import { DataPlaneClient } from '../../src/dataplane/client.ts';
import type { DataKey, DiskStatistics, ExportInfo, Pin } from '../../src/dataplane/data-plane.ts';
import { diskServerCommand } from '../../src/dataplane/disk-server-command.ts';
import { diskServerSocket } from '../../src/dataplane/socket-path.ts';
import { nbdTarget } from '../fio.ts';
import { Service } from '../run.ts';
import { accepts } from './peers.ts';
import type { Subject } from './subject.ts';

const PROGRAM = path.resolve(import.meta.dirname, '../../src/diskserver/main.ts');
/** Of every suite. */
const DATA_KEY_SIZE_BYTES = 32;
const MODE_PRIVATE = 0o700;

/** A disk server of the benchmark's own, with a data directory below `folder`. */
export class DiskServer implements AsyncDisposable {
  readonly dataDirectory: string;
  readonly #client: DataPlaneClient;
  readonly #service: Service;
  /** By disk: what a control plane keeps in its database. */
  readonly #keys: Map<string, DataKey>;
  readonly #pins: Map<string, Pin>;
  readonly #sockets = new Map<string, string>();

  private constructor(
    dataDirectory: string,
    service: Service,
    client: DataPlaneClient,
    known: { keys: Map<string, DataKey>; pins: Map<string, Pin> },
  ) {
    this.dataDirectory = dataDirectory;
    this.#service = service;
    this.#client = client;
    this.#keys = known.keys;
    this.#pins = known.pins;
  }

  /**
   * @param nodeFlags for a profiler.
   * @param before the server whose place it takes, after `kill`.
   */
  static async start(
    dataDirectory: string,
    options: { readonly nodeFlags?: readonly string[]; readonly before?: DiskServer } = {},
  ): Promise<DiskServer> {
    mkdirSync(dataDirectory, { recursive: true, mode: MODE_PRIVATE });
    const socketPath = diskServerSocket(dataDirectory);
    rmSync(socketPath, { force: true });
    const { args, env } = diskServerCommand({ program: PROGRAM, dataDirectory, nbdListen: '127.0.0.1:0' });
    const service = await Service.start([process.execPath, ...(options.nodeFlags ?? []), ...args], {
      logFile: `${dataDirectory}.log`,
      env,
      ready: async () => existsSync(socketPath) && accepts(socketPath),
    });
    const known = {
      keys: options.before === undefined ? new Map<string, DataKey>() : options.before.#keys,
      pins: options.before === undefined ? new Map<string, Pin>() : options.before.#pins,
    };
    const client = await DataPlaneClient.connect(socketPath, systemClock, (event) =>
      known.pins.set(event.diskId, event.pin),
    );
    return new DiskServer(dataDirectory, service, client, known);
  }

  get pid(): number {
    return this.#service.pid;
  }

  /** Where TCP clients connect, `host:port`. */
  get nbdAddress(): string {
    return this.#client.hello.nbdAddress;
  }

  async createDisk(diskId: string, sizeBytes: number, suite: Suite): Promise<void> {
    this.#keys.set(diskId, { suite, key: randomBytes(DATA_KEY_SIZE_BYTES) });
    const disk = { diskId, sizeBytes, encrypted: true, wrappedKey: Uint8Array.of(1) };
    const { pin } = await this.#client.request('createDisk', { disk, dataKey: this.#key(diskId) });
    this.#pins.set(diskId, pin);
  }

  /** @param psk reaches the disk over TLS, as identity `diskId`. */
  async open(diskId: string, psk: Uint8Array = randomBytes(32)): Promise<ExportInfo> {
    const { info } = await this.#client.request('openExport', {
      exportId: `exp-${diskId}`,
      diskId,
      name: diskId,
      readOnly: false,
      pskIdentity: diskId,
      psk,
      dataKey: this.#key(diskId),
      pin: this.#pins.get(diskId),
    });
    this.#sockets.set(diskId, info.socketPath);
    return info;
  }

  /** Of a disk that was opened. */
  socketOf(diskId: string): string {
    return this.#sockets.get(diskId) ?? '';
  }

  async snapshot(diskId: string, snapshotId: string): Promise<void> {
    const dataKey = this.#key(diskId);
    const { pin } = await this.#client.request('createSnapshot', { diskId, snapshotId, dataKey, pin: undefined });
    this.#pins.set(diskId, pin);
  }

  async statistics(diskId: string): Promise<DiskStatistics> {
    return (await this.#client.request('diskStatistics', { diskId })).statistics;
  }

  /** Files that hold the disk's data and map. */
  segmentFiles(diskId: string): string[] {
    const folder = path.join(this.dataDirectory, 'disks', diskId, 'seg');
    return readdirSync(folder).map((name) => path.join(folder, name));
  }

  /** SIGKILL: what a crash of the program is. The files stay. */
  async kill(): Promise<void> {
    this.#client.disconnect();
    await this.#service.stop('SIGKILL');
  }

  async stop(): Promise<void> {
    this.#client.disconnect();
    await this.#service.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.dataDirectory, { recursive: true, force: true });
    rmSync(runtimeDirectory(this.dataDirectory), { recursive: true, force: true });
  }

  #key(diskId: string): DataKey {
    const dataKey = this.#keys.get(diskId);
    if (dataKey === undefined) throw new Error(`disk ${diskId} was not made by this benchmark`);
    return dataKey;
  }
}

export interface SealdiskSubject extends Subject {
  readonly server: DiskServer;
  readonly diskId: string;
}

/** The smallest disk that the engine makes; the benchmark may use less of it. */
const DISK_SIZE_BYTES_MIN = GiB;

const NULL_CIPHER = ['--import', path.resolve(import.meta.dirname, '../null-cipher/register.ts')];

const SUITES = { S: 'aes-256-gcm', S4: 'sm4-gcm', N: 'aes-256-gcm' } as const;

/** One disk of a server of its own. */
export async function sealdisk(
  id: keyof typeof SUITES,
  folder: string,
  sizeBytes: number,
  nodeFlags: readonly string[] = [],
): Promise<SealdiskSubject> {
  const diskId = `d-${id.toLowerCase()}`;
  const flags = id === 'N' ? [...nodeFlags, ...NULL_CIPHER] : nodeFlags;
  const server = await DiskServer.start(path.join(folder, id), { nodeFlags: flags });
  await server.createDisk(diskId, Math.max(sizeBytes, DISK_SIZE_BYTES_MIN), SUITES[id]);
  const { socketPath } = await server.open(diskId);
  return {
    id,
    sizeBytes,
    folder,
    server,
    diskId,
    target: nbdTarget(socketPath),
    pid: server.pid,
    files: () => server.segmentFiles(diskId),
    isWorking: async () => {
      const { checkpointing, collecting } = await server.statistics(diskId);
      return checkpointing || collecting;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
