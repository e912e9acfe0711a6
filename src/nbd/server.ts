import { createServer } from 'node:net';
import type { AddressInfo, ListenOptions, Server } from 'node:net';
import type { SecureContext } from 'node:tls';

import type { Clock } from '../base/clock.ts';
import { SystemError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { Budget } from './budget.ts';
import type { CertificateFiles } from './certificate-files.ts';
import { Connection } from './connection.ts';
import type { Transport } from './connection.ts';
import type { ExportDirectory } from './export.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { NbdLimits } from './limits.ts';
import { PayloadPool } from './payload-pool.ts';
import { SlabPool } from './slab-pool.ts';
import { StaticReceive } from './static-receive.ts';
import { NBD_REP_ERR_POLICY, NBD_REP_ERR_SHUTDOWN } from './protocol.ts';
import { createTlsContext } from './tls.ts';
import { prepareUnixSocket } from './unix-socket-file.ts';

interface Listener {
  readonly server: Server;
  /** Connections still in the handshake, the oldest first. */
  readonly handshakes: Set<Connection>;
}

/**
 * Serves the exports of a directory to NBD clients.
 *
 * On TCP a client must prove a TLS-PSK identity, or a certificate, before anything is answered that depends on exports,
 * and then sees what the directory shows to it. A Unix socket is guarded by its permissions and stands for one export.
 */
export class NbdServer {
  readonly #directory: ExportDirectory;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #limits: NbdLimits;
  readonly #payloads = new PayloadPool();
  readonly #slabs = new SlabPool();
  readonly #receive = new StaticReceive();
  readonly #budget: Budget;
  readonly #unix = new Map<string, Listener>();
  readonly #tcp: Listener[] = [];
  /** Connections in transmission, by export name. */
  readonly #serving = new Map<string, Set<Connection>>();
  #connectionCount = 0;
  /** Of each export that was opened; kept while anything of it is in flight. */
  readonly #budgets = new Map<string, Budget>();
  readonly #closing = new Set<string>();
  readonly #certificates: CertificateFiles | undefined;

  constructor(options: {
    readonly directory: ExportDirectory;
    readonly clock: Clock;
    readonly random: Random;
    readonly log: Logger;
    readonly limits?: Partial<NbdLimits>;
    /** For TCP clients with certificates; without, they need a pre-shared key. */
    readonly certificates?: CertificateFiles;
  }) {
    this.#certificates = options.certificates;
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#log = options.log;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#budget = new Budget(this.#limits.bytesInFlightOfServerMax);
  }

  /**
   * Listens on TCP with mandatory TLS. Port 0 takes a free one; answers what was taken.
   * @throws {SystemError} `conflict`, code `PORT_TAKEN`, or `invalid`, code `LISTEN_FAILED`.
   */
  async listenTcp(address: { readonly host: string; readonly port: number }): Promise<{ host: string; port: number }> {
    const pskOnly = createTlsContext();
    const tlsContext = (): SecureContext => this.#certificates?.context() ?? pskOnly;
    const listener = this.#createListener({ kind: 'tcp', tlsContext });
    await listen(listener.server, { host: address.host, port: address.port });
    this.#tcp.push(listener);
    return { host: address.host, port: (listener.server.address() as AddressInfo).port };
  }

  /**
   * Listens on a Unix socket (mode 0600), whose directory is made with mode 0700 when it is missing. Never TLS.
   * @throws {SystemError} `invalid` when the path is longer than 107 bytes; `conflict` when another process has it.
   */
  async listenUnix(path: string): Promise<void> {
    if (this.#unix.has(path)) throw new SystemError('conflict', 'SOCKET_IN_USE', `${path} is being served already.`);
    const listener = this.#createListener({ kind: 'unix', socketPath: path });
    this.#unix.set(path, listener);
    try {
      await prepareUnixSocket(path);
      await listen(listener.server, { path });
    } catch (error) {
      this.#unix.delete(path);
      throw error;
    }
  }

  /** Takes no further connection there, removes the socket file and cuts off handshakes. Connections that serve go on. */
  closeUnix(path: string): Promise<void> {
    const listener = this.#unix.get(path);
    this.#unix.delete(path);
    if (listener !== undefined) stop(listener);
    return Promise.resolve();
  }

  /**
   * Ends all connections to an export: refuses new ones and new requests, lets requests in flight finish for up to
   * `graceMs`, then cuts off. When this resolves the server calls that Export no more; calls that were cut off may
   * still be running. A later connection is welcome, if the directory still has the name.
   */
  async disconnect(name: string, graceMs: number): Promise<void> {
    this.#closing.add(name);
    try {
      await this.#drain([...(this.#serving.get(name) ?? [])], graceMs);
    } finally {
      this.#closing.delete(name);
    }
  }

  /** How many clients are in transmission with that export. */
  connections(name: string): number {
    return this.#serving.get(name)?.size ?? 0;
  }

  /** Stops listening everywhere and ends all connections as `disconnect` does. */
  async close(graceMs: number): Promise<void> {
    for (const listener of [...this.#tcp.splice(0), ...this.#unix.values()]) stop(listener);
    this.#unix.clear();
    await this.#drain(
      [...this.#serving.values()].flatMap((connections) => [...connections]),
      graceMs,
    );
  }

  async #drain(connections: readonly Connection[], graceMs: number): Promise<void> {
    for (const connection of connections) connection.drain();
    const allClosed = Promise.all(connections.map((connection) => connection.closed));
    const timer = new AbortController();
    const late = this.#clock.sleep(graceMs, timer.signal).then(
      () => connections.forEach((connection) => connection.destroy('The grace time is over.')),
      () => undefined,
    );
    await Promise.race([allClosed, late]);
    timer.abort();
    await allClosed;
  }

  #createListener(transport: Transport): Listener {
    const handshakes = new Set<Connection>();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let serving: Disposable | undefined;
      const connection = new Connection(socket, transport, {
        directory: this.#directory,
        clock: this.#clock,
        random: this.#random,
        log: this.#log,
        limits: this.#limits,
        payloads: this.#payloads,
        slabs: this.#slabs,
        receive: this.#receive,
        budgetOf: (name) => this.#budgetOf(name),
        refuses: (name) => this.#refuses(name),
        onTransmission: () => {
          handshakes.delete(connection);
          serving = this.#enter(connection);
        },
        onClosed: () => {
          handshakes.delete(connection);
          serving?.[Symbol.dispose]();
        },
      });
      handshakes.add(connection);
      const [oldest] = handshakes;
      if (handshakes.size > this.#limits.handshakesMax) oldest?.destroy('Too many clients are in the handshake.');
    });
    server.on('error', (error) => this.#log.error({ error: error.message }, 'an NBD listener failed'));
    return { server, handshakes };
  }

  #enter(connection: Connection): Disposable {
    const name = connection.exportName ?? '';
    const connections = this.#serving.get(name) ?? new Set();
    this.#serving.set(name, connections.add(connection));
    this.#connectionCount += 1;
    const observed = this.#directory.connected?.(name);
    return {
      [Symbol.dispose]: () => {
        connections.delete(connection);
        this.#connectionCount -= 1;
        if (connections.size === 0 && this.#serving.get(name) === connections) this.#serving.delete(name);
        observed?.[Symbol.dispose]();
      },
    };
  }

  #budgetOf(name: string): Budget {
    for (const [other, budget] of this.#budgets) {
      if (budget.usedBytes === 0 && !this.#serving.has(other)) this.#budgets.delete(other);
    }
    const { bytesInFlightOfExportMax: max, bytesInFlightOfExportMin: own } = this.#limits;
    const budget = this.#budgets.get(name) ?? new Budget(max, this.#budget, own);
    this.#budgets.set(name, budget);
    return budget;
  }

  #refuses(name: string): { readonly type: number; readonly message: string } | undefined {
    if (this.#closing.has(name)) return { type: NBD_REP_ERR_SHUTDOWN, message: 'The export is being closed.' };
    if (this.connections(name) >= this.#limits.connectionsPerExportMax) {
      return { type: NBD_REP_ERR_POLICY, message: 'The export has as many connections as it may have.' };
    }
    if (this.#connectionCount < this.#limits.connectionsMax) return undefined;
    return { type: NBD_REP_ERR_POLICY, message: 'The server has as many connections as it may have.' };
  }
}

async function listen(server: Server, options: ListenOptions): Promise<void> {
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).once('listening', listening.resolve);
  if (options.path === undefined) {
    server.listen(options);
  } else {
    // The file must never be there with wider permissions. Node binds within this call.
    const mask = process.umask(0o177);
    try {
      server.listen(options);
    } finally {
      process.umask(mask);
    }
  }
  try {
    await listening.promise;
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, options);
  } finally {
    server.off('error', listening.reject);
  }
}

function listenError(error: NodeJS.ErrnoException, { path, host, port }: ListenOptions): SystemError {
  const address = path ?? `${host}:${port}`;
  const code = error.code ?? 'an unknown error';
  return error.code === 'EADDRINUSE'
    ? new SystemError('conflict', 'PORT_TAKEN', `${address} is taken by another process: choose another or stop it.`, {
        cause: error,
      })
    : new SystemError('invalid', 'LISTEN_FAILED', `It is not possible to listen on ${address} (${code}).`, {
        cause: error,
      });
}

function stop({ server, handshakes }: Listener): void {
  for (const connection of handshakes) connection.destroy('The server stops listening.');
  // The listening socket and its file are gone when this returns; only its callback would wait for connections.
  server.close();
}
