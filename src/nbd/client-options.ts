import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { SystemError } from '../base/errors.ts';
import * as wire from './handshake-wire.ts';
import * as nbd from './protocol.ts';
import { ReceivedBytes } from './received-bytes.ts';

/** Longest option reply that is believed, and how many of them. */
const REPLY_BYTES_MAX = 64 * 1024;
const REPLIES_MAX = 100_000;

const ERROR_NAMES = new Map<number, string>([
  [nbd.NBD_REP_ERR_UNSUP, 'UNSUP'],
  [nbd.NBD_REP_ERR_POLICY, 'POLICY'],
  [nbd.NBD_REP_ERR_INVALID, 'INVALID'],
  [nbd.NBD_REP_ERR_PLATFORM, 'PLATFORM'],
  [nbd.NBD_REP_ERR_TLS_REQD, 'TLS_REQD'],
  [nbd.NBD_REP_ERR_UNKNOWN, 'UNKNOWN'],
  [nbd.NBD_REP_ERR_SHUTDOWN, 'SHUTDOWN'],
  [nbd.NBD_REP_ERR_BLOCK_SIZE_REQD, 'BLOCK_SIZE_REQD'],
  [nbd.NBD_REP_ERR_TOO_BIG, 'TOO_BIG'],
  [nbd.NBD_REP_ERR_EXT_HEADER_REQD, 'EXT_HEADER_REQD'],
]);

export interface OptionReply {
  readonly type: number;
  readonly data: Buffer;
}

/** The client's side of option haggling: one option at a time over a socket. */
export class OptionExchange {
  readonly socket: Socket | TLSSocket;
  readonly received = new ReceivedBytes();
  /** What the server's greeting offered. */
  fixedNewstyle = false;
  /** The answer to EXPORT_NAME ends with 124 zeroes. */
  zeroes = false;
  readonly #onData = (chunk: Buffer): void => {
    this.received.push(chunk);
    this.#wake();
  };
  readonly #onClose = (): void => {
    this.#failure ??= new SystemError('unavailable', 'NBD_DISCONNECTED', 'The server closed the connection.');
    this.#wake();
  };
  readonly #onError = (error: Error): void => {
    this.#failure = new SystemError('unavailable', 'NBD_DISCONNECTED', `The connection failed: ${error.message}.`);
    this.#wake();
  };
  #failure: SystemError | undefined;
  #wake: () => void = () => {};

  constructor(socket: Socket | TLSSocket) {
    this.socket = socket;
    socket.on('data', this.#onData).on('end', this.#onClose).on('close', this.#onClose).on('error', this.#onError);
  }

  /** The same exchange, gone on with inside TLS. */
  over(secured: TLSSocket): OptionExchange {
    const inside = new OptionExchange(secured);
    inside.fixedNewstyle = this.fixedNewstyle;
    inside.zeroes = this.zeroes;
    return inside;
  }

  /** Leaves the socket to the next reader, paused. */
  release(): void {
    this.socket.pause();
    this.socket.off('data', this.#onData).off('end', this.#onClose).off('close', this.#onClose);
  }

  async take(bytes: number): Promise<Buffer> {
    while (this.received.length < bytes) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    return this.received.take(bytes);
  }

  /** The replies before the final acknowledgement. @throws {SystemError} `denied`, code `NBD_REP_ERR_…`, when the server refuses. */
  async ask(option: number, data?: Uint8Array): Promise<OptionReply[]> {
    this.socket.write(wire.encodeOption(option, data));
    const replies: OptionReply[] = [];
    for (;;) {
      const header = wire.decodeOptionReplyHeader(await this.take(wire.OPTION_REPLY_HEADER_BYTES));
      const { type, lengthBytes } = header;
      if (header.option !== option || lengthBytes > REPLY_BYTES_MAX || replies.length >= REPLIES_MAX) {
        throw new SystemError('invalid', 'NBD_FORMAT', 'The server sent an option reply that makes no sense.');
      }
      const reply = await this.take(lengthBytes);
      if (type === nbd.NBD_REP_ACK) return replies;
      if (type >= nbd.NBD_REP_FLAG_ERROR) {
        const code = `NBD_REP_ERR_${ERROR_NAMES.get(type) ?? type - nbd.NBD_REP_FLAG_ERROR}`;
        throw new SystemError('denied', code, reply.toString() || `The server refused option ${option} with ${code}.`);
      }
      replies.push({ type, data: reply });
    }
  }

  /** The same; undefined when the server does not know the option, which is no reason to give up. */
  async offer(option: number, data?: Uint8Array): Promise<OptionReply[] | undefined> {
    try {
      return await this.ask(option, data);
    } catch (error) {
      if (error instanceof SystemError && error.code === 'NBD_REP_ERR_UNSUP') return undefined;
      throw error;
    }
  }

  /** NBD_OPT_EXPORT_NAME, for servers that know nothing newer; one that refuses just closes the connection. */
  openByName(exportName: string): Promise<Buffer> {
    this.socket.write(wire.encodeOption(nbd.NBD_OPT_EXPORT_NAME, Buffer.from(exportName)));
    return this.take(wire.exportNameReplyBytes(this.zeroes));
  }
}
