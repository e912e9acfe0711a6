import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';

import type { Clock } from '../base/clock.ts';
import { isKind, messageOf, SystemError, type ErrorKind } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { DataPlaneClient } from './client.ts';
import { diskServerCommand } from './disk-server-command.ts';
import type { DiskServerOptions } from './disk-server-command.ts';
import type { Event, Method, Methods } from './protocol.ts';
import { diskServerSocket } from './socket-path.ts';

const READY_MS_MAX = 20_000;
const RESTART_FIRST_MS = 50;
const RESTART_MS_MAX = 5_000;
/** How long a call waits for a disk server that is being restarted before it answers `unavailable`. */
const CONNECT_MS_MAX = 8_000;

export interface SupervisorOptions {
  readonly dataDirectory: string;
  /** `host:port` for TCP clients. */
  readonly nbdListen: string;
  /** PEM files for TCP clients with certificates. */
  readonly nbdCertificates?: DiskServerOptions['nbdCertificates'];
  /** The disk server's program file. */
  readonly program: string;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (event: Event) => void;
  /** Called after every connection to a disk server; `fresh` when it serves nothing yet. */
  readonly onConnected: (fresh: boolean) => void;
}

/** Finds the running disk server of a data directory, or starts one, and does so again whenever it ends. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #socketPath: string;
  #client: DataPlaneClient | undefined;
  #connecting: Promise<DataPlaneClient> | undefined;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#socketPath = diskServerSocket(options.dataDirectory);
  }

  /**
   * Adopts or starts the disk server.
   * @throws {SystemError} what the disk server says of why it cannot start (port taken, directory locked).
   */
  async start(): Promise<void> {
    await this.#connect();
  }

  /** Where TCP clients connect. Only after `start`. */
  get nbdAddress(): string {
    return this.#client?.hello.nbdAddress ?? this.#options.nbdListen;
  }

  get bootId(): string {
    return this.#client?.hello.bootId ?? '';
  }

  get pid(): number | undefined {
    return this.#client?.hello.pid;
  }

  async request<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']> {
    // What is still under way when the server stops must not start another disk server.
    if (this.#stopping && this.#client === undefined) throw gone('the server is stopping');
    const client = this.#client ?? (await this.#connectedSoon());
    return client.request(method, params);
  }

  /** Lets go of the disk server: it goes on serving. */
  leave(): void {
    this.#stopping = true;
    this.#client?.disconnect();
  }

  /** Closes every disk and ends the disk server. Answers the pins of the disks that were open. */
  async shutDown(): Promise<Methods['shutdown']['result']['pins']> {
    this.#stopping = true;
    const client = this.#client;
    if (client === undefined) return [];
    try {
      const { pins } = await client.request('shutdown', {});
      await client.closed;
      return pins;
    } finally {
      client.disconnect();
    }
  }

  async #connectedSoon(): Promise<DataPlaneClient> {
    const waited = new AbortController();
    try {
      return await Promise.race([
        this.#connect(),
        this.#options.clock.sleep(CONNECT_MS_MAX, waited.signal).then(() => {
          throw gone('the disk server is being restarted; try again in a few seconds');
        }),
      ]);
    } finally {
      waited.abort(new Error('done'));
    }
  }

  #connect(): Promise<DataPlaneClient> {
    this.#connecting ??= this.#adoptOrStart().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #adoptOrStart(): Promise<DataPlaneClient> {
    const { clock, log, onEvent, version, nbdListen } = this.#options;
    let client: DataPlaneClient;
    let fresh = false;
    try {
      client = await DataPlaneClient.connect(this.#socketPath, clock, onEvent);
      log.info({ pid: client.hello.pid, nbd: client.hello.nbdAddress }, 'adopted the running disk server');
      if (client.hello.version !== version) {
        log.warn(
          { running: client.hello.version, wanted: version },
          'the adopted disk server is of another version; it goes on, stop and start sealdisk without --keep-exports to replace it',
        );
      }
      if (!sameAddress(client.hello.nbdAddress, nbdListen)) {
        log.warn(
          { running: client.hello.nbdAddress, wanted: nbdListen },
          'the adopted disk server listens elsewhere; stop and start sealdisk without --keep-exports to move it',
        );
      }
    } catch (error) {
      if (!isKind(error, 'unavailable') || error.code === 'DISK_SERVER_HUNG') throw error;
      await this.#spawn();
      client = await DataPlaneClient.connect(this.#socketPath, clock, onEvent);
      fresh = true;
      log.info({ pid: client.hello.pid, nbd: client.hello.nbdAddress }, 'started a disk server');
    }
    this.#client = client;
    void client.closed.then(() => this.#lost());
    this.#options.onConnected(fresh);
    return client;
  }

  async #lost(): Promise<void> {
    this.#client = undefined;
    const { clock, log } = this.#options;
    for (let pauseMs = RESTART_FIRST_MS; !this.#stopping; pauseMs = Math.min(pauseMs * 2, RESTART_MS_MAX)) {
      log.error({}, 'the disk server ended; starting it again');
      await clock.sleep(pauseMs);
      if (this.#stopping) return;
      try {
        await this.#connect();
        return;
      } catch (error) {
        log.error({ reason: messageOf(error) }, 'the disk server did not start');
      }
    }
  }

  /** Starts the program detached, with its output in a file, and waits for its one line on descriptor 3. */
  async #spawn(): Promise<void> {
    const { dataDirectory, nbdListen, nbdCertificates, program, clock } = this.#options;
    const output = openSync(path.join(dataDirectory, 'disk-server.log'), 'a', 0o600);
    const { args, env } = diskServerCommand({ program, dataDirectory, nbdListen, nbdCertificates });
    const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', output, output, 'pipe'], env });
    closeSync(output);
    child.unref();
    const readiness = child.stdio[3] as Readable;
    const waited = new AbortController();
    try {
      const line = await Promise.race([
        readAll(readiness),
        new Promise<never>((_resolve, reject) => child.once('error', reject)),
        clock.sleep(READY_MS_MAX, waited.signal).then(() => ''),
      ]);
      const report: unknown = line === '' ? undefined : JSON.parse(line);
      if (isFailure(report)) throw new SystemError(report.kind, report.code, report.message);
      if (report === undefined) {
        throw new SystemError(
          'internal',
          'DISK_SERVER_START',
          `the disk server did not start; see ${path.join(dataDirectory, 'disk-server.log')}`,
        );
      }
    } finally {
      waited.abort(new Error('done'));
      readiness.destroy();
    }
  }
}

function gone(message: string): SystemError {
  return new SystemError('unavailable', 'DISK_SERVER_GONE', message);
}

async function readAll(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

function isFailure(report: unknown): report is { kind: ErrorKind; code: string; message: string } {
  return typeof report === 'object' && report !== null && 'code' in report;
}

/** Port 0 asks for any port, so any port is the one that was asked for. */
function sameAddress(running: string, wanted: string): boolean {
  const [runningHost, runningPort] = splitAddress(running);
  const [wantedHost, wantedPort] = splitAddress(wanted);
  return runningHost === wantedHost && (wantedPort === '0' || runningPort === wantedPort);
}

function splitAddress(address: string): [string, string] {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at), address.slice(at + 1)];
}
