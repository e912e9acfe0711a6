import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { SystemError } from '../base/errors.ts';
import { secure, wantsTls } from './client-address.ts';
import type { NbdAddress } from './client-address.ts';
import { OptionExchange } from './client-options.ts';
import * as wire from './handshake-wire.ts';
import * as nbd from './protocol.ts';
import type { ReceivedBytes } from './received-bytes.ts';
import type { Headers } from './validate.ts';

export interface ClientSettings {
  /** The most modern form to ask for; default `extended`. What the server does not know is not used. */
  readonly headers?: Headers;
  /** Metadata contexts to ask for; default base:allocation. Which of them there are: `NbdClient.contexts`. */
  readonly contexts?: readonly string[];
  /** Cuts the connection off, in the handshake and later: everything that waits rejects. */
  readonly signal?: AbortSignal;
}

/** An export as its server describes it, and what both sides agreed on. */
export interface Agreement {
  readonly sizeBytes: number;
  /** NBD_FLAG_* of transmission. */
  readonly flags: number;
  readonly blockSize: wire.BlockSize | undefined;
  readonly headers: Headers;
  /** Ids of the selected contexts, by name. */
  readonly contexts: ReadonlyMap<string, number>;
}

export interface Negotiated {
  readonly socket: Socket | TLSSocket;
  /** Bytes of transmission that came along already. */
  readonly received: ReceivedBytes;
  readonly agreement: Agreement;
}

/** Greeting, TLS, options, up to transmission. Destroys the socket when it fails. */
export async function negotiate(
  socket: Socket,
  address: NbdAddress,
  exportName: string,
  settings: ClientSettings,
): Promise<Negotiated> {
  return withOptions(socket, address, async (options) => {
    const agreement = await open(options, exportName, settings);
    options.release();
    return { socket: options.socket, received: options.received, agreement };
  });
}

/** The names of the exports that the server shows. */
export function listExports(socket: Socket, address: NbdAddress): Promise<string[]> {
  return withOptions(socket, address, async (options) => {
    const replies = await options.ask(nbd.NBD_OPT_LIST);
    leave(options);
    return replies.map(({ data }) => wire.decodeServerEntry(data));
  });
}

/** The metadata contexts of an export that match `queries`; all when there is none. */
export function listContexts(
  socket: Socket,
  address: NbdAddress,
  exportName: string,
  queries: readonly string[],
): Promise<string[]> {
  return withOptions(socket, address, async (options) => {
    await chooseHeaders(options, 'structured');
    const request = wire.encodeMetaContextRequest({ exportName, queries });
    const replies = await options.ask(nbd.NBD_OPT_LIST_META_CONTEXT, request);
    leave(options);
    return replies.map(({ data }) => wire.decodeMetaContext(data).name);
  });
}

async function withOptions<T>(
  socket: Socket,
  address: NbdAddress,
  use: (options: OptionExchange) => Promise<T>,
): Promise<T> {
  let options = new OptionExchange(socket);
  try {
    const flags = wire.decodeServerHello(await options.take(wire.SERVER_HELLO_BYTES));
    options.fixedNewstyle = (flags & nbd.NBD_FLAG_FIXED_NEWSTYLE) !== 0;
    options.zeroes = (flags & nbd.NBD_FLAG_NO_ZEROES) === 0;
    socket.write(wire.encodeClientFlags(flags & (nbd.NBD_FLAG_FIXED_NEWSTYLE | nbd.NBD_FLAG_NO_ZEROES)));
    if (wantsTls(address)) {
      await options.ask(nbd.NBD_OPT_STARTTLS);
      if (options.received.length > 0) {
        // Put there by someone in between, to be read as if it had come inside TLS (CVE-2021-3716 for clients).
        throw new SystemError('denied', 'TLS_FAILED', 'Plain bytes came where TLS should begin.');
      }
      options.release();
      options = options.over(await secure(socket, address));
    }
    return await use(options);
  } catch (error) {
    options.socket.destroy();
    socket.destroy();
    throw error;
  }
}

async function open(options: OptionExchange, exportName: string, settings: ClientSettings): Promise<Agreement> {
  const headers = options.fixedNewstyle ? await chooseHeaders(options, settings.headers ?? 'extended') : 'simple';
  const queries = settings.contexts ?? [nbd.BASE_ALLOCATION];
  const contexts =
    headers !== 'simple' && queries.length > 0
      ? await selectContexts(options, exportName, queries)
      : new Map<string, number>();
  return { ...(await go(options, exportName)), headers, contexts };
}

async function chooseHeaders(options: OptionExchange, best: Headers): Promise<Headers> {
  if (best === 'extended' && (await options.offer(nbd.NBD_OPT_EXTENDED_HEADERS)) !== undefined) return 'extended';
  if (best !== 'simple' && (await options.offer(nbd.NBD_OPT_STRUCTURED_REPLY)) !== undefined) return 'structured';
  return 'simple';
}

async function selectContexts(
  options: OptionExchange,
  exportName: string,
  queries: readonly string[],
): Promise<Map<string, number>> {
  const request = wire.encodeMetaContextRequest({ exportName, queries });
  const replies = (await options.offer(nbd.NBD_OPT_SET_META_CONTEXT, request)) ?? [];
  return new Map(
    replies.map(({ data }) => {
      const { id, name } = wire.decodeMetaContext(data);
      return [name, id];
    }),
  );
}

async function go(
  options: OptionExchange,
  exportName: string,
): Promise<Pick<Agreement, 'sizeBytes' | 'flags' | 'blockSize'>> {
  const request = wire.encodeInfoRequest({ exportName, items: [nbd.NBD_INFO_BLOCK_SIZE] });
  const infos = options.fixedNewstyle ? await options.offer(nbd.NBD_OPT_GO, request) : undefined;
  if (infos === undefined) {
    const reply = await options.openByName(exportName);
    return { ...wire.decodeExportNameReply(reply), blockSize: undefined };
  }
  const infoOf = (type: number): Buffer | undefined =>
    infos.find(({ data }) => data.length >= 2 && data.readUInt16BE(0) === type)?.data;
  const blockSize = infoOf(nbd.NBD_INFO_BLOCK_SIZE);
  return {
    ...wire.decodeInfoExport(infoOf(nbd.NBD_INFO_EXPORT) ?? Buffer.alloc(0)),
    blockSize: blockSize && wire.decodeInfoBlockSize(blockSize),
  };
}

function leave(options: OptionExchange): void {
  options.release();
  options.socket.end(wire.encodeOption(nbd.NBD_OPT_ABORT));
  // What the server says to that is not waited for.
  options.socket.resume();
}
