import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { SystemError } from '../base/errors.ts';
import { negotiate } from './client-handshake.ts';
import type { ClientSettings, Negotiated } from './client-handshake.ts';
import type { BlockExtent } from './export.ts';
import * as nbd from './protocol.ts';
import type { ReceivedBytes } from './received-bytes.ts';
import * as wire from './transmission-wire.ts';
import type { ReplyHeader } from './transmission-wire.ts';

export type NbdAddress =
  | { readonly unixSocket: string }
  | { readonly host: string; readonly port: number; readonly pskIdentity: string; readonly psk: Uint8Array };

interface Pending {
  readonly type: number;
  readonly offset: number;
  /** Of a read: where its content goes. */
  readonly data: Buffer;
  extents: BlockExtent[];
  failure: SystemError | undefined;
  readonly settle: PromiseWithResolvers<Pending>;
}

const ERROR_NAMES = new Map<number, string>([
  [nbd.NBD_EPERM, 'NBD_EPERM'],
  [nbd.NBD_EIO, 'NBD_EIO'],
  [nbd.NBD_ENOMEM, 'NBD_ENOMEM'],
  [nbd.NBD_EINVAL, 'NBD_EINVAL'],
  [nbd.NBD_ENOSPC, 'NBD_ENOSPC'],
  [nbd.NBD_EOVERFLOW, 'NBD_EOVERFLOW'],
  [nbd.NBD_ENOTSUP, 'NBD_ENOTSUP'],
  [nbd.NBD_ESHUTDOWN, 'NBD_ESHUTDOWN'],
]);

/**
 * A small NBD client for tests and tools. Any number of requests may be in flight.
 * A request that the server refused rejects with a SystemError whose code is the error's name, `NBD_ENOSPC` for one;
 * a lost connection rejects everything with kind `unavailable`, code `NBD_DISCONNECTED`.
 */
export class NbdClient {
  readonly sizeBytes: number;
  /** NBD_FLAG_* of transmission. */
  readonly flags: number;
  readonly blockSize: Negotiated['blockSize'];
  readonly #socket: Socket | TLSSocket;
  readonly #received: ReceivedBytes;
  readonly #pending = new Map<number, Pending>();
  readonly #closed = Promise.withResolvers<void>();
  #cookie = 0;
  #lost: SystemError | undefined;
  /** What arrived of the next reply: the magic number, which tells the length of its header; then the header. */
  #magic: Buffer | undefined;
  #header: ReplyHeader | undefined;

  private constructor(negotiated: Negotiated) {
    this.sizeBytes = negotiated.sizeBytes;
    this.flags = negotiated.flags;
    this.blockSize = negotiated.blockSize;
    this.#socket = negotiated.socket;
    this.#received = negotiated.received;
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#lose(error.message));
    this.#socket.on('close', () => this.#lose('The server closed the connection.'));
    this.#socket.resume();
  }

  /** Opens one export for transmission. @throws {SystemError} also when TLS or the server refuses. */
  static async connect(address: NbdAddress, exportName: string, settings: ClientSettings = {}): Promise<NbdClient> {
    const negotiated = await negotiate(await open(address), pskOf(address), { kind: 'go', exportName }, settings);
    return new NbdClient(negotiated);
  }

  /** The names of the exports that the server shows. */
  static async list(address: NbdAddress): Promise<string[]> {
    const { names } = await negotiate(await open(address), pskOf(address), { kind: 'list' }, {});
    return names;
  }

  async read(offset: number, length: number, options: { readonly dontFragment?: boolean } = {}): Promise<Uint8Array> {
    const flags = options.dontFragment === true ? nbd.NBD_CMD_FLAG_DF : 0;
    const { data } = await this.#request(nbd.NBD_CMD_READ, flags, offset, length);
    return data;
  }

  async write(offset: number, data: Uint8Array, options: { readonly fua?: boolean } = {}): Promise<void> {
    await this.#request(nbd.NBD_CMD_WRITE, fua(options), offset, data.length, data);
  }

  async trim(offset: number, length: number, options: { readonly fua?: boolean } = {}): Promise<void> {
    await this.#request(nbd.NBD_CMD_TRIM, fua(options), offset, length);
  }

  async zero(
    offset: number,
    length: number,
    options: { readonly fua?: boolean; readonly noHole?: boolean; readonly fast?: boolean } = {},
  ): Promise<void> {
    const noHole = options.noHole === true ? nbd.NBD_CMD_FLAG_NO_HOLE : 0;
    const fast = options.fast === true ? nbd.NBD_CMD_FLAG_FAST_ZERO : 0;
    await this.#request(nbd.NBD_CMD_WRITE_ZEROES, fua(options) | noHole | fast, offset, length);
  }

  async cache(offset: number, length: number): Promise<void> {
    await this.#request(nbd.NBD_CMD_CACHE, 0, offset, length);
  }

  async flush(): Promise<void> {
    await this.#request(nbd.NBD_CMD_FLUSH, 0, 0, 0);
  }

  /** Extents of base:allocation from `offset` on, possibly fewer than reach to the end of the range. */
  async blockStatus(offset: number, length: number, options: { readonly one?: boolean } = {}): Promise<BlockExtent[]> {
    const flags = options.one === true ? nbd.NBD_CMD_FLAG_REQ_ONE : 0;
    const { extents } = await this.#request(nbd.NBD_CMD_BLOCK_STATUS, flags, offset, length);
    return extents;
  }

  /** Any request as it stands, for tests of what a server refuses. */
  async send(type: number, flags: number, offset: number, length: number, payload?: Uint8Array): Promise<void> {
    await this.#request(type, flags, offset, length, payload);
  }

  /** Says goodbye; the server answers what is in flight before it closes. */
  async disconnect(): Promise<void> {
    if (this.#lost === undefined) {
      const out = Buffer.allocUnsafe(wire.REQUEST_BYTES);
      const disc = { flags: 0, type: nbd.NBD_CMD_DISC, cookieHigh: 0, cookieLow: 0, offset: 0, length: 0 };
      wire.encodeRequest(out, 0, disc);
      this.#socket.write(out);
    }
    await this.#closed.promise;
  }

  /** Cuts the connection off. */
  destroy(): void {
    this.#lose('The connection was cut off on this side.');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  #request(type: number, flags: number, offset: number, length: number, payload?: Uint8Array): Promise<Pending> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    this.#cookie = (this.#cookie + 1) >>> 0;
    const pending: Pending = {
      type,
      offset,
      data: Buffer.alloc(type === nbd.NBD_CMD_READ && length <= nbd.NBD_PAYLOAD_MAX ? length : 0),
      extents: [],
      failure: undefined,
      settle: Promise.withResolvers<Pending>(),
    };
    this.#pending.set(this.#cookie, pending);
    const header = Buffer.allocUnsafe(wire.REQUEST_BYTES);
    wire.encodeRequest(header, 0, { flags, type, cookieHigh: 0, cookieLow: this.#cookie, offset, length });
    this.#socket.cork();
    this.#socket.write(header);
    if (payload !== undefined && payload.length > 0) this.#socket.write(payload);
    process.nextTick(() => this.#socket.uncork());
    return pending.settle.promise;
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    try {
      while (this.#next());
    } catch (error) {
      this.#lose(error instanceof Error ? error.message : String(error));
    }
  }

  /** False: more must arrive first. */
  #next(): boolean {
    if (this.#header === undefined) {
      if (this.#magic === undefined) {
        if (this.#received.length < 4) return false;
        this.#magic = this.#received.take(4);
      }
      const left = wire.replyHeaderBytes(this.#magic.readUInt32BE(0)) - 4;
      if (this.#received.length < left) return false;
      this.#header = wire.decodeReplyHeader(Buffer.concat([this.#magic, this.#received.take(left)]));
      this.#magic = undefined;
    }
    const header = this.#header;
    const pending = this.#pending.get(header.cookieLow);
    if (pending === undefined) throw new Error('The server answered a request that was not made.');
    if (header.kind === 'simple') {
      const dataBytes = header.error === 0 ? pending.data.length : 0;
      if (this.#received.length < dataBytes) return false;
      if (header.error !== 0) pending.failure = refused(header.error, '');
      else this.#received.takeInto(pending.data, 0);
      this.#done(header.cookieLow, pending);
    } else {
      if (this.#received.length < header.lengthBytes) return false;
      absorb(pending, header.type, this.#received.take(header.lengthBytes));
      if (header.done) this.#done(header.cookieLow, pending);
    }
    this.#header = undefined;
    return true;
  }

  #done(cookie: number, pending: Pending): void {
    this.#pending.delete(cookie);
    if (pending.failure === undefined) pending.settle.resolve(pending);
    else pending.settle.reject(pending.failure);
  }

  #lose(reason: string): void {
    this.#lost ??= new SystemError('unavailable', 'NBD_DISCONNECTED', reason);
    this.#socket.destroy();
    for (const { settle } of this.#pending.values()) settle.reject(this.#lost);
    this.#pending.clear();
    this.#closed.resolve();
  }
}

function absorb(pending: Pending, type: number, payload: Buffer): void {
  switch (type) {
    case nbd.NBD_REPLY_TYPE_NONE:
      return;
    case nbd.NBD_REPLY_TYPE_OFFSET_DATA: {
      const at = wire.decodeOffset(payload) - pending.offset;
      if (at < 0 || at + payload.length - wire.OFFSET_BYTES > pending.data.length) throw new Error('Stray content.');
      payload.copy(pending.data, at, wire.OFFSET_BYTES);
      return;
    }
    case nbd.NBD_REPLY_TYPE_OFFSET_HOLE: {
      const hole = wire.decodeHole(payload);
      pending.data.fill(0, hole.offset - pending.offset, hole.offset - pending.offset + hole.lengthBytes);
      return;
    }
    case nbd.NBD_REPLY_TYPE_BLOCK_STATUS:
      pending.extents = wire.decodeBlockStatus(payload);
      return;
    default: {
      if ((type & 0x8000) === 0) throw new Error(`The server sent a chunk of unknown type ${type}.`);
      const { error, message } = wire.decodeErrorChunk(payload);
      pending.failure = refused(error, message);
    }
  }
}

function refused(error: number, message: string): SystemError {
  const name = ERROR_NAMES.get(error) ?? `NBD_ERROR_${error}`;
  const kind = error === nbd.NBD_ENOSPC ? 'no-space' : error === nbd.NBD_EPERM ? 'denied' : 'invalid';
  const serverFailed = error === nbd.NBD_EIO || error === nbd.NBD_ESHUTDOWN;
  return new SystemError(serverFailed ? 'unavailable' : kind, name, message || `The server answered ${name}.`);
}

function fua(options: { readonly fua?: boolean }): number {
  return options.fua === true ? nbd.NBD_CMD_FLAG_FUA : 0;
}

function pskOf(address: NbdAddress): { readonly identity: string; readonly psk: Uint8Array } | undefined {
  return 'unixSocket' in address ? undefined : { identity: address.pskIdentity, psk: address.psk };
}

async function open(address: NbdAddress): Promise<Socket> {
  const socket =
    'unixSocket' in address
      ? connectSocket(address.unixSocket)
      : connectSocket({ host: address.host, port: address.port, noDelay: true });
  const opened = Promise.withResolvers<void>();
  socket.once('connect', opened.resolve).once('error', opened.reject);
  try {
    await opened.promise;
  } catch (error) {
    throw new SystemError('unavailable', 'NBD_DISCONNECTED', 'The NBD server does not take the connection.', {
      cause: error,
    });
  }
  socket.off('error', opened.reject);
  return socket;
}
