import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';

import { messageOf, SystemError } from '../base/errors.ts';
import * as wire from './handshake-wire.ts';
import * as nbd from './protocol.ts';
import { ReceivedBytes } from './received-bytes.ts';
import { TLS_PSK_CIPHERS } from './tls-psk.ts';

/** Longest option reply that is believed. */
const REPLY_BYTES_MAX = 64 * 1024;

export interface ClientSettings {
  /** Ask for structured replies; default true. */
  readonly structured?: boolean;
  /** Ask for base:allocation, which needs structured replies; default true. */
  readonly blockStatus?: boolean;
}

export interface Negotiated {
  readonly socket: Socket | TLSSocket;
  /** Bytes of transmission that came along already. */
  readonly received: ReceivedBytes;
  readonly sizeBytes: number;
  readonly flags: number;
  readonly blockSize: wire.BlockSize | undefined;
  readonly names: string[];
}

type Goal = { readonly kind: 'go'; readonly exportName: string } | { readonly kind: 'list' };
interface Psk {
  readonly identity: string;
  readonly psk: Uint8Array;
}

/** The client's side of option haggling, up to transmission or the end of a list. Destroys the socket when it fails. */
export async function negotiate(
  socket: Socket,
  psk: Psk | undefined,
  goal: Goal,
  settings: ClientSettings,
): Promise<Negotiated> {
  let haggling = new Haggling(socket);
  try {
    const flags = wire.decodeServerHello(await haggling.take(wire.SERVER_HELLO_BYTES));
    haggling.socket.write(wire.encodeClientFlags(flags & (nbd.NBD_FLAG_FIXED_NEWSTYLE | nbd.NBD_FLAG_NO_ZEROES)));
    if (psk !== undefined) {
      await haggling.ask(nbd.NBD_OPT_STARTTLS);
      haggling.release();
      haggling = new Haggling(await secure(socket, psk));
    }
    const result = await (goal.kind === 'list' ? list(haggling) : go(haggling, goal.exportName, settings));
    haggling.release();
    if (goal.kind === 'list') haggling.socket.end(wire.encodeOption(nbd.NBD_OPT_ABORT));
    return { ...result, socket: haggling.socket, received: haggling.received };
  } catch (error) {
    haggling.socket.destroy();
    socket.destroy();
    throw error;
  }
}

async function list(haggling: Haggling): Promise<Pick<Negotiated, 'sizeBytes' | 'flags' | 'blockSize' | 'names'>> {
  const replies = await haggling.ask(nbd.NBD_OPT_LIST);
  return {
    sizeBytes: 0,
    flags: 0,
    blockSize: undefined,
    names: replies.map(({ data }) => wire.decodeServerEntry(data)),
  };
}

async function go(
  haggling: Haggling,
  exportName: string,
  settings: ClientSettings,
): Promise<Pick<Negotiated, 'sizeBytes' | 'flags' | 'blockSize' | 'names'>> {
  if (settings.structured !== false) {
    await haggling.ask(nbd.NBD_OPT_STRUCTURED_REPLY);
    if (settings.blockStatus !== false) {
      const request = wire.encodeMetaContextRequest({ exportName, queries: [nbd.BASE_ALLOCATION] });
      await haggling.ask(nbd.NBD_OPT_SET_META_CONTEXT, request);
    }
  }
  const request = wire.encodeInfoRequest({ exportName, items: [nbd.NBD_INFO_BLOCK_SIZE] });
  const infos = await haggling.ask(nbd.NBD_OPT_GO, request);
  const infoOf = (type: number): Buffer | undefined =>
    infos.find(({ data }) => data.length >= 2 && data.readUInt16BE(0) === type)?.data;
  const blockSize = infoOf(nbd.NBD_INFO_BLOCK_SIZE);
  return {
    ...wire.decodeInfoExport(infoOf(nbd.NBD_INFO_EXPORT) ?? Buffer.alloc(0)),
    blockSize: blockSize && wire.decodeInfoBlockSize(blockSize),
    names: [exportName],
  };
}

/** One option at a time over a socket. */
class Haggling {
  readonly socket: Socket | TLSSocket;
  readonly received = new ReceivedBytes();
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

  /** The replies before the final acknowledgement. @throws {SystemError} `denied` when the server refuses. */
  async ask(option: number, data?: Uint8Array): Promise<{ readonly type: number; readonly data: Buffer }[]> {
    this.socket.write(wire.encodeOption(option, data));
    const replies: { readonly type: number; readonly data: Buffer }[] = [];
    for (;;) {
      const { type, lengthBytes } = wire.decodeOptionReplyHeader(await this.take(wire.OPTION_REPLY_HEADER_BYTES));
      if (lengthBytes > REPLY_BYTES_MAX) {
        throw new SystemError('invalid', 'NBD_FORMAT', 'The server announced an option reply of more than 64 KiB.');
      }
      const reply = await this.take(lengthBytes);
      if (type === nbd.NBD_REP_ACK) return replies;
      if (type >= nbd.NBD_REP_FLAG_ERROR) {
        const code = `NBD_REP_ERR_${type - nbd.NBD_REP_FLAG_ERROR}`;
        throw new SystemError('denied', code, reply.toString() || `The server refused option ${option}.`);
      }
      replies.push({ type, data: reply });
    }
  }
}

/** Both sides prove by the handshake that they have the secret: the server has no certificate, and none would do. */
function secure(socket: Socket, { identity, psk }: Psk): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    minVersion: 'TLSv1.3',
    ciphers: TLS_PSK_CIPHERS,
    pskCallback: () => ({ identity, psk }),
    checkServerIdentity: () => new Error('the server showed a certificate instead of proving the secret'),
  });
  return new Promise((resolve, reject) => {
    const fail = (error?: Error): void =>
      reject(
        new SystemError('denied', 'TLS_FAILED', `TLS with the server failed: ${error ? messageOf(error) : 'closed'}.`),
      );
    secured.once('error', fail).once('close', () => fail());
    secured.once('secureConnect', () => {
      secured.off('error', fail);
      resolve(secured);
    });
  });
}
