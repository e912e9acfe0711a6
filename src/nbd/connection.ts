import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';

import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Budget } from './budget.ts';
import type { ExportDirectory } from './export.ts';
import { Handshake } from './handshake.ts';
import type { HandshakeSettings, HandshakeStep, Security } from './handshake.ts';
import type { NbdLimits } from './limits.ts';
import type { PayloadPool } from './payload-pool.ts';
import { ReceivedBytes } from './received-bytes.ts';
import { Replies } from './replies.ts';
import { ReplyStream } from './reply-stream.ts';
import type { SlabPool } from './slab-pool.ts';
import type { Receiver, StaticReceive } from './static-receive.ts';
import { acceptTls } from './tls.ts';
import { Transmission } from './transmission.ts';
import type { Session } from './transmission.ts';

/** How a connection came in, and what it needs for it. */
export type Transport =
  | { readonly kind: 'unix'; readonly socketPath: string }
  /** Asked for a context whenever TLS begins. */
  | { readonly kind: 'tcp'; readonly tlsContext: () => SecureContext };

export interface ConnectionSettings {
  readonly directory: ExportDirectory;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits: NbdLimits;
  readonly payloads: PayloadPool;
  readonly slabs: SlabPool;
  readonly receive: StaticReceive;
  /** What the connections of an export may hold together. */
  readonly budgetOf: (exportName: string) => Budget;
  readonly refuses: HandshakeSettings['refuses'];
  readonly onTransmission: (connection: Connection) => void;
  readonly onClosed: (connection: Connection) => void;
}

/** One client: its socket, moved through the phases  handshake [-> TLS -> handshake] -> transmission -> closed. */
export class Connection {
  readonly #settings: ConnectionSettings;
  readonly #transport: Transport;
  readonly #handshakeTimer = new AbortController();
  /** From STARTTLS to the end of the TLS handshake. */
  readonly #tlsTimer = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  #socket: Socket | TLSSocket;
  /** Looks at the chunk during the call only. */
  #onData: (chunk: Buffer) => void = () => {};
  readonly #receiver: Receiver = {
    target: () => this.#transmission?.target(),
    filled: (bytes) => this.#transmission?.filled(bytes),
    receive: (bytes) => this.#onData(bytes),
  };
  #onEnd: () => void = () => this.destroy('The client left during the handshake.');
  #transmission: Transmission | undefined;
  #replyStream: ReplyStream | undefined;
  #exportName: string | undefined;
  #dropped = false;

  constructor(socket: Socket, transport: Transport, settings: ConnectionSettings) {
    this.#transport = transport;
    this.#settings = settings;
    const adopted = transport.kind === 'unix' ? settings.receive.adopt(socket, this.#receiver) : undefined;
    this.#socket = adopted ?? socket;
    this.#socket.on('close', () => this.#close());
    this.#listen(this.#socket, adopted === undefined);
    settings.clock.sleep(settings.limits.handshakeMs, this.#handshakeTimer.signal).then(
      () => this.destroy('The handshake took too long.'),
      () => undefined,
    );
    if (transport.kind === 'tcp') {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 60_000);
      this.#negotiate({ tls: 'required' });
    } else {
      this.#negotiate({ tls: 'none', peer: { transport: 'unix', socketPath: transport.socketPath } });
    }
  }

  /** Of a connection in transmission. */
  get exportName(): string | undefined {
    return this.#exportName;
  }

  /** Settles when the socket is closed. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Refuses further requests and closes when those in flight are answered; a handshake is cut off. */
  drain(): void {
    if (this.#transmission === undefined) this.destroy('The server is closing.');
    else this.#transmission.drain();
  }

  destroy(reason: string): void {
    if (!this.#dropped) {
      this.#dropped = true;
      const { exportName } = this;
      this.#settings.log.debug(
        { exportName, transport: this.#transport.kind, reason },
        'an NBD connection was dropped',
      );
    }
    this.#socket.destroy();
  }

  #listen(socket: Socket | TLSSocket, asStream: boolean): void {
    if (asStream) socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.destroy(error.message));
  }

  #negotiate(security: Security, clientFlags?: number): void {
    const { directory, limits, refuses } = this.#settings;
    const received = new ReceivedBytes();
    const send = (bytes: Buffer): void => {
      this.#socket.write(bytes);
      if (this.#socket.writableLength > limits.handshakeReplyBytesMax) this.destroy('The client reads no replies.');
    };
    const handshake = new Handshake({ directory, limits, refuses, send }, security, clientFlags);
    this.#onData = (chunk) => {
      received.push(Buffer.from(chunk));
      this.#follow(handshake.advance(received), received);
    };
  }

  #follow(step: HandshakeStep, received: ReceivedBytes): void {
    switch (step.kind) {
      case 'more':
        return;
      case 'start-tls':
        this.#startTls(step.clientFlags);
        return;
      case 'transmission':
        this.#transmit(step.session, received);
        return;
      case 'close':
        this.#finish();
        return;
      case 'drop':
        this.destroy(step.reason);
    }
  }

  #startTls(clientFlags: number): void {
    if (this.#transport.kind !== 'tcp') throw new Error('bug: TLS was started on a Unix socket');
    const raw = this.#socket;
    raw.removeAllListeners('data').removeAllListeners('end');
    this.#onData = () => {};
    const { clock, directory, limits, random } = this.#settings;
    const secured = acceptTls(raw, {
      context: this.#transport.tlsContext(),
      random,
      pskOf: (identity) => directory.pskOf(identity),
      onSecure: (peer) => {
        this.#tlsTimer.abort();
        this.#negotiate({ tls: 'done', peer }, clientFlags);
      },
      onRefused: (reason) => this.#refuseTls(reason),
    });
    this.#socket = secured;
    secured.once('error', (error: NodeJS.ErrnoException) => this.#refuseTls(error.code ?? error.message));
    clock.sleep(limits.tlsHandshakeMs, this.#tlsTimer.signal).then(
      () => this.#refuseTls('it took too long'),
      () => undefined,
    );
    // TLSSocket closes the socket below it, and 'close' of that one is what ends this connection.
    secured.on('close', () => raw.destroy());
    this.#listen(secured, true);
  }

  #transmit(session: Session, received: ReceivedBytes): void {
    const { log, limits, payloads, slabs, budgetOf } = this.#settings;
    const socket = this.#socket;
    const stream = new ReplyStream(socket, slabs, (requests, bytes) => transmission.taken(requests, bytes));
    const flow = {
      pause: () => void socket.pause(),
      resume: () => void socket.resume(),
      finished: () => this.#finish(),
      violated: (reason: string) => this.destroy(reason),
    };
    const replies = new Replies(session.headers, stream);
    const budget = budgetOf(session.exportName);
    const transmission = new Transmission(session, { replies, flow }, { limits, budget, log, payloads });
    this.#handshakeTimer.abort();
    this.#transmission = transmission;
    this.#replyStream = stream;
    this.#exportName = session.exportName;
    this.#onData = (chunk) => transmission.receive(chunk);
    this.#onEnd = () => transmission.end();
    this.#settings.onTransmission(this);
    transmission.receive(received.take(received.length));
  }

  #refuseTls(reason: string): void {
    if (this.#dropped || this.#tlsTimer.signal.aborted) return;
    this.#settings.log.warn(
      { client: this.#socket.remoteAddress, reason },
      'a client was refused in the TLS handshake',
    );
    this.destroy('TLS failed.');
  }

  /** Says goodbye after what is written. In transmission all replies are taken by now; a handshake still has its timer. */
  #finish(): void {
    this.#onData = () => {};
    this.#socket.end(() => this.#socket.destroy());
  }

  #close(): void {
    this.#handshakeTimer.abort();
    this.#tlsTimer.abort();
    this.#transmission?.close();
    this.#replyStream?.close();
    this.#closed.resolve();
    this.#settings.onClosed(this);
  }
}
