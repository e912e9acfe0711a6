import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { messageOf, SystemError } from '../base/errors.ts';
import { GiB } from '../base/units.ts';
import { openSocket } from './client-address.ts';
import type { NbdAddress } from './client-address.ts';
import { listContexts, listExports, negotiate } from './client-handshake.ts';
import type { Agreement, ClientSettings, Negotiated } from './client-handshake.ts';
import { ReplyReader } from './client-replies.ts';
import { PendingRequest } from './client-request.ts';
import type { BlockExtent } from './export.ts';
import { NbdFormatError } from './format-error.ts';
import * as nbd from './protocol.ts';
import type { ReceivedBytes } from './received-bytes.ts';
import type { StatusExtent } from './reply-wire.ts';
import { encodeRequest, encodeStatusPayload, requestBytes } from './request-wire.ts';

/** Longest effect of one compact request: below 2^32, and a whole number of any block. */
const COMPACT_EFFECT_BYTES_MAX = 2 * GiB;

/**
 * An NBD client: one connection to one export. Any number of requests may be in flight; ranges longer than a request
 * may be are cut into several. A request that the server refused rejects with a SystemError whose code is the error's
 * name, `NBD_ENOSPC` for one. A lost connection rejects everything that waits and everything that follows with kind
 * `unavailable`, code `NBD_DISCONNECTED`; a server that breaks the protocol with `NBD_FORMAT`.
 */
export class NbdClient implements Omit<Agreement, 'contexts'> {
  readonly sizeBytes: number;
  readonly flags: number;
  readonly blockSize: Agreement['blockSize'];
  readonly headers: Agreement['headers'];
  readonly #contexts: Agreement['contexts'];
  readonly #payloadBytesMax: number;
  readonly #effectBytesMax: number;
  readonly #socket: Socket | TLSSocket;
  readonly #received: ReceivedBytes;
  readonly #replies: ReplyReader;
  readonly #pending = new Map<number, PendingRequest>();
  readonly #closed = Promise.withResolvers<void>();
  #cookie = 0;
  #corked = false;
  #lost: SystemError | undefined;

  private constructor({ socket, received, agreement }: Negotiated, signal: AbortSignal | undefined) {
    this.sizeBytes = agreement.sizeBytes;
    this.flags = agreement.flags;
    this.blockSize = agreement.blockSize;
    this.headers = agreement.headers;
    this.#contexts = agreement.contexts;
    this.#payloadBytesMax = Math.min(agreement.blockSize?.maximum ?? nbd.NBD_PAYLOAD_MAX, nbd.NBD_PAYLOAD_MAX);
    this.#effectBytesMax = agreement.headers === 'extended' ? Number.MAX_SAFE_INTEGER : COMPACT_EFFECT_BYTES_MAX;
    this.#socket = socket;
    this.#received = received;
    this.#replies = new ReplyReader(received, agreement.headers === 'extended', this.#pending);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#lose(`The connection failed: ${error.message}.`));
    socket.on('close', () => this.#lose('The server closed the connection.'));
    const abort = (): void => this.destroy();
    signal?.addEventListener('abort', abort, { once: true });
    void this.#closed.promise.then(() => signal?.removeEventListener('abort', abort));
    socket.resume();
  }

  /** Opens one export for transmission. @throws {SystemError} also when TLS or the server refuses. */
  static async connect(address: NbdAddress, exportName: string, settings: ClientSettings = {}): Promise<NbdClient> {
    const { signal } = settings;
    const socket = await openSocket(address, signal);
    return new NbdClient(await negotiate(socket, address, exportName, settings), signal);
  }

  /** The names of the exports that the server shows. */
  static async list(address: NbdAddress): Promise<string[]> {
    return listExports(await openSocket(address, undefined), address);
  }

  /** The metadata contexts of an export that match `queries`, such as `qemu:`; all when there is none. */
  static async listContexts(
    address: NbdAddress,
    exportName: string,
    queries: readonly string[] = [],
  ): Promise<string[]> {
    return listContexts(await openSocket(address, undefined), address, exportName, queries);
  }

  get readOnly(): boolean {
    return (this.flags & nbd.NBD_FLAG_READ_ONLY) !== 0;
  }

  /** The names of the metadata contexts that the server granted. */
  get contexts(): readonly string[] {
    return [...this.#contexts.keys()];
  }

  /** Settles when the connection has ended, for whatever reason. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  async read(offset: number, length: number, options: { readonly dontFragment?: boolean } = {}): Promise<Uint8Array> {
    const flags = options.dontFragment === true ? nbd.NBD_CMD_FLAG_DF : 0;
    const parts = await Promise.all(
      this.#cut(offset, length, this.#payloadBytesMax).map((piece) =>
        this.#request(nbd.NBD_CMD_READ, flags, piece.offset, piece.length),
      ),
    );
    return parts.length === 1 && parts[0] !== undefined
      ? parts[0].content
      : Buffer.concat(parts.map(({ content }) => content));
  }

  /** Like `read`, but undefined when the server said that there is nothing but zeroes. At most one payload long. */
  async readUnlessHole(offset: number, length: number): Promise<Uint8Array | undefined> {
    const { isHole, content } = await this.#request(nbd.NBD_CMD_READ, 0, offset, length);
    return isHole ? undefined : content;
  }

  /** @param data must not change until this settles. */
  async write(offset: number, data: Uint8Array, options: { readonly fua?: boolean } = {}): Promise<void> {
    await this.#each(this.#cut(offset, data.length, this.#payloadBytesMax), (piece) => {
      const payload = data.subarray(piece.offset - offset, piece.offset - offset + piece.length);
      return this.#request(nbd.NBD_CMD_WRITE, fua(options), piece.offset, piece.length, payload);
    });
  }

  async trim(offset: number, length: number, options: { readonly fua?: boolean } = {}): Promise<void> {
    await this.#each(this.#cut(offset, length, this.#effectBytesMax), (piece) =>
      this.#request(nbd.NBD_CMD_TRIM, fua(options), piece.offset, piece.length),
    );
  }

  async zero(
    offset: number,
    length: number,
    options: { readonly fua?: boolean; readonly noHole?: boolean; readonly fast?: boolean } = {},
  ): Promise<void> {
    const noHole = options.noHole === true ? nbd.NBD_CMD_FLAG_NO_HOLE : 0;
    const fast = options.fast === true ? nbd.NBD_CMD_FLAG_FAST_ZERO : 0;
    await this.#each(this.#cut(offset, length, this.#effectBytesMax), (piece) =>
      this.#request(nbd.NBD_CMD_WRITE_ZEROES, fua(options) | noHole | fast, piece.offset, piece.length),
    );
  }

  async cache(offset: number, length: number): Promise<void> {
    await this.#each(this.#cut(offset, length, this.#effectBytesMax), (piece) =>
      this.#request(nbd.NBD_CMD_CACHE, 0, piece.offset, piece.length),
    );
  }

  async flush(): Promise<void> {
    await this.#request(nbd.NBD_CMD_FLUSH, 0, 0, 0);
  }

  /** Extents of base:allocation from `offset` on, possibly fewer than reach to the end of the range. */
  async blockStatus(offset: number, length: number, options: { readonly one?: boolean } = {}): Promise<BlockExtent[]> {
    const statuses = await this.status([nbd.BASE_ALLOCATION], offset, length, options);
    return (statuses.get(nbd.BASE_ALLOCATION) ?? []).map(({ lengthBytes, flags }) => ({
      lengthBytes,
      hole: (flags & nbd.NBD_STATE_HOLE) !== 0,
      zero: (flags & nbd.NBD_STATE_ZERO) !== 0,
    }));
  }

  /** Extents of several contexts at once, each from `offset` on; each may end before the range does, or after it. */
  async status(
    contexts: readonly string[],
    offset: number,
    length: number,
    options: { readonly one?: boolean } = {},
  ): Promise<Map<string, readonly StatusExtent[]>> {
    const ids = contexts.map((name) => this.#contextId(name));
    const flags = options.one === true ? nbd.NBD_CMD_FLAG_REQ_ONE : 0;
    const asked = Math.min(length, this.#effectBytesMax);
    const filter = (this.flags & nbd.NBD_FLAG_BLOCK_STAT_PAYLOAD) !== 0 && ids.length < this.#contexts.size;
    const payload = filter ? encodeStatusPayload({ length: asked, contextIds: ids }) : undefined;
    const { statuses } = await this.#request(nbd.NBD_CMD_BLOCK_STATUS, flags, offset, asked, payload);
    return new Map(
      contexts.map((name, i) => {
        const extents = statuses.get(ids[i] ?? 0);
        if (extents === undefined) throw new NbdFormatError(`The server left out the context ${name}.`);
        return [name, extents];
      }),
    );
  }

  /** All extents of one context, in order and without gaps, from `offset` to the end of the range. */
  async *extents(
    context: string,
    offset = 0,
    length = this.sizeBytes - offset,
  ): AsyncGenerator<{ readonly offset: number } & StatusExtent, void> {
    const end = offset + length;
    for (let at = offset; at < end;) {
      const extents = (await this.status([context], at, end - at)).get(context) ?? [];
      for (const extent of extents) {
        const lengthBytes = Math.min(extent.lengthBytes, end - at);
        if (lengthBytes > 0) yield { offset: at, lengthBytes, flags: extent.flags };
        at += lengthBytes;
      }
    }
  }

  /** Any request as it stands, for tests of what a server refuses. */
  async send(type: number, flags: number, offset: number, length: number, payload?: Uint8Array): Promise<void> {
    await this.#request(type, flags, offset, length, payload);
  }

  /** Says goodbye; the server answers what is in flight before it closes. */
  async disconnect(): Promise<void> {
    if (this.#lost === undefined) this.#write({ type: nbd.NBD_CMD_DISC, flags: 0, cookie: 0, offset: 0, length: 0 });
    await this.#closed.promise;
  }

  /** Cuts the connection off. */
  destroy(): void {
    this.#lose('The connection was cut off on this side.');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect();
  }

  #contextId(name: string): number {
    const id = this.#contexts.get(name);
    if (id !== undefined) return id;
    throw new SystemError('invalid', 'NO_CONTEXT', `The server does not tell ${name} of this export.`);
  }

  /** @param length of the effect; on the wire it gives way to the payload's own when a flag says so. */
  #request(type: number, flags: number, offset: number, length: number, payload?: Uint8Array): Promise<PendingRequest> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    this.#cookie = (this.#cookie + 1) >>> 0;
    const request = new PendingRequest(type, offset, length);
    this.#pending.set(this.#cookie, request);
    const tellsPayload = this.headers === 'extended' && payload !== undefined;
    this.#write(
      {
        type,
        flags: flags | (tellsPayload ? nbd.NBD_CMD_FLAG_PAYLOAD_LEN : 0),
        cookie: this.#cookie,
        offset,
        length: tellsPayload ? payload.length : length,
      },
      payload,
    );
    return request.settled.promise;
  }

  #write(request: Parameters<typeof encodeRequest>[2], payload?: Uint8Array): void {
    const extended = this.headers === 'extended';
    const header = Buffer.allocUnsafe(requestBytes(extended));
    encodeRequest(header, 0, request, extended);
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#socket.uncork();
      });
    }
    this.#socket.write(header);
    if (payload !== undefined && payload.length > 0) this.#socket.write(payload);
  }

  /** `length` bytes from `offset`, in pieces of at most `max`; one piece also when there is nothing. */
  #cut(offset: number, length: number, max: number): { readonly offset: number; readonly length: number }[] {
    const count = Math.max(1, Math.ceil(length / max));
    return Array.from({ length: count }, (_, i) => ({
      offset: offset + i * max,
      length: Math.min(max, length - i * max),
    }));
  }

  async #each<T>(pieces: readonly T[], send: (piece: T) => Promise<unknown>): Promise<void> {
    if (pieces.length === 1 && pieces[0] !== undefined) await send(pieces[0]);
    else await Promise.all(pieces.map(send));
  }

  #receive(chunk: Buffer): void {
    if (this.#lost !== undefined) return;
    this.#received.push(chunk);
    try {
      this.#replies.advance();
    } catch (error) {
      this.#lose(messageOf(error), 'NBD_FORMAT');
    }
  }

  #lose(reason: string, code = 'NBD_DISCONNECTED'): void {
    this.#lost ??= new SystemError('unavailable', code, reason);
    this.#socket.destroy();
    for (const { settled } of this.#pending.values()) settled.reject(this.#lost);
    this.#pending.clear();
    this.#closed.resolve();
  }
}

function fua(options: { readonly fua?: boolean }): number {
  return options.fua === true ? nbd.NBD_CMD_FLAG_FUA : 0;
}
