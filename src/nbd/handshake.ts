import type { Export, ExportDirectory, Peer } from './export.ts';
import { NbdFormatError } from './format-error.ts';
import * as wire from './handshake-wire.ts';
import type { NbdLimits } from './limits.ts';
import { CONTEXTS_SELECTED_MAX, listed, selected } from './metadata-contexts.ts';
import type { MetadataContext } from './metadata-contexts.ts';
import * as nbd from './protocol.ts';
import type { ReceivedBytes } from './received-bytes.ts';
import type { Session } from './transmission.ts';
import type { Headers } from './validate.ts';

/**
 * How a connection stands to TLS. Source: proto.md, "TLS support".
 * `none`: a Unix socket (mode NOTLS). `required`: TCP before STARTTLS (mode FORCEDTLS). `done`: TCP after it.
 */
export type Security =
  | { readonly tls: 'none' | 'done'; readonly peer: Peer }
  // No peer and no directory access: before TLS nothing can be answered that depends on exports.
  | { readonly tls: 'required' };

export type HandshakeStep =
  | { readonly kind: 'more' } // everything that arrived is answered
  | { readonly kind: 'start-tls'; readonly clientFlags: number } // after the replies sent, TLS begins
  | { readonly kind: 'transmission'; readonly session: Session }
  | { readonly kind: 'close' } // in order, after the replies
  | { readonly kind: 'drop'; readonly reason: string }; // at once: the client broke the protocol, or has no way to be told

const MORE: HandshakeStep = { kind: 'more' };
const HANDSHAKE_FLAGS = nbd.NBD_FLAG_FIXED_NEWSTYLE | nbd.NBD_FLAG_NO_ZEROES;
const CLIENT_FLAGS = nbd.NBD_FLAG_C_FIXED_NEWSTYLE | nbd.NBD_FLAG_C_NO_ZEROES;
const UNKNOWN_EXPORT = 'There is no export of this name for this client.';

export interface HandshakeSettings {
  readonly directory: ExportDirectory;
  readonly limits: NbdLimits;
  /** A sentence when that export takes no further connection now. */
  readonly refuses: (exportName: string) => { readonly type: number; readonly message: string } | undefined;
  readonly send: (bytes: Buffer) => void;
}

/** Option haggling as a state machine: client flags -> option header -> option data (or skipping it) -> header … */
export class Handshake {
  readonly #settings: HandshakeSettings;
  readonly #security: Security;
  #clientFlags: number | undefined;
  #option: wire.OptionHeader | undefined;
  #skipLeft = 0;
  #headers: Headers = 'simple';
  /** What SET_META_CONTEXT selected last, and for which export. */
  #selection: { readonly exportName: string; readonly contexts: readonly MetadataContext[] } | undefined;

  /** @param clientFlags those that came before TLS; nothing else outlives STARTTLS (proto.md, NBD_OPT_STARTTLS). */
  constructor(settings: HandshakeSettings, security: Security, clientFlags?: number) {
    this.#settings = settings;
    this.#security = security;
    this.#clientFlags = clientFlags;
    if (clientFlags === undefined) settings.send(wire.encodeServerHello(HANDSHAKE_FLAGS));
  }

  /** Answers as much of `received` as is complete. Call again when more arrived, unless it answered something but `more`. */
  advance(received: ReceivedBytes): HandshakeStep {
    try {
      for (;;) {
        const step = this.#step(received);
        if (step !== undefined) return step;
      }
    } catch (error) {
      if (error instanceof NbdFormatError) return { kind: 'drop', reason: error.message };
      throw error;
    }
  }

  /** Undefined: went forward, try again. */
  #step(received: ReceivedBytes): HandshakeStep | undefined {
    if (this.#clientFlags === undefined) {
      if (received.length < wire.CLIENT_FLAGS_BYTES) return MORE;
      this.#clientFlags = wire.decodeClientFlags(received.take(wire.CLIENT_FLAGS_BYTES));
      // proto.md, "Client flags": "the server MUST drop the TCP connection if the client sets an unknown flag".
      return (this.#clientFlags & ~CLIENT_FLAGS) === 0 ? undefined : drop('The client set unknown flags.');
    }
    if (this.#option === undefined) {
      if (received.length < wire.OPTION_HEADER_BYTES) return MORE;
      this.#option = wire.decodeOptionHeader(received.take(wire.OPTION_HEADER_BYTES));
      return this.#admit(this.#option, this.#clientFlags);
    }
    if (this.#skipLeft > 0) {
      this.#skipLeft -= received.skip(this.#skipLeft);
      if (this.#skipLeft > 0) return MORE;
      const tooBig = this.#security.tls === 'required' ? nbd.NBD_REP_ERR_TLS_REQD : nbd.NBD_REP_ERR_TOO_BIG;
      return this.#refuse(this.#take(), tooBig, 'The option is longer than this server reads.');
    }
    if (received.length < this.#option.lengthBytes) return MORE;
    const option = this.#take();
    const data = received.take(option.lengthBytes);
    return this.#security.tls === 'required'
      ? this.#beforeTls(option, data.length, received)
      : this.#negotiate(option, data, this.#security);
  }

  /** Decides by the header alone, before anything of the data is kept. */
  #admit({ option, lengthBytes }: wire.OptionHeader, clientFlags: number): HandshakeStep | undefined {
    const { limits } = this.#settings;
    if (option !== nbd.NBD_OPT_EXPORT_NAME && (clientFlags & nbd.NBD_FLAG_C_FIXED_NEWSTYLE) === 0) {
      return drop('The client sent an option but does not speak fixed newstyle.');
    }
    if (option === nbd.NBD_OPT_EXPORT_NAME) {
      if (this.#security.tls === 'required') return drop('The client asked for an export before TLS.');
      if (lengthBytes > nbd.NBD_STRING_MAX) return drop('The client asked for an export with a name over 4096 bytes.');
    }
    if (lengthBytes <= limits.optionBytesMax) return undefined;
    if (lengthBytes > limits.optionSkipBytesMax) return drop('The client announced an option too long to skip.');
    this.#skipLeft = lengthBytes;
    return undefined;
  }

  #take(): wire.OptionHeader {
    const option = this.#option ?? { option: 0, lengthBytes: 0 };
    this.#option = undefined;
    return option;
  }

  #beforeTls(option: wire.OptionHeader, dataBytes: number, received: ReceivedBytes): HandshakeStep | undefined {
    if (option.option === nbd.NBD_OPT_ABORT) return this.#abort(option);
    if (option.option !== nbd.NBD_OPT_STARTTLS) {
      return this.#refuse(option, nbd.NBD_REP_ERR_TLS_REQD, 'This server answers only after STARTTLS.');
    }
    if (dataBytes > 0) return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'STARTTLS carries no data.');
    // The client must wait for the answer. Bytes that are here already were put there by someone in between,
    // to be read as if they had come inside TLS (CVE-2021-3716).
    if (received.length > 0) return drop('The client sent bytes between STARTTLS and its answer.');
    this.#reply(option, nbd.NBD_REP_ACK);
    return { kind: 'start-tls', clientFlags: this.#clientFlags ?? 0 };
  }

  #negotiate(option: wire.OptionHeader, data: Buffer, security: Security & { peer: Peer }): HandshakeStep | undefined {
    try {
      switch (option.option) {
        case nbd.NBD_OPT_EXPORT_NAME:
          return this.#exportName(data, security.peer);
        case nbd.NBD_OPT_ABORT:
          return this.#abort(option);
        case nbd.NBD_OPT_LIST:
          return this.#list(option, data, security.peer);
        case nbd.NBD_OPT_STARTTLS:
          return security.tls === 'done'
            ? this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'TLS is already in use.')
            : this.#refuse(option, nbd.NBD_REP_ERR_POLICY, 'A Unix socket needs no TLS.');
        case nbd.NBD_OPT_INFO:
        case nbd.NBD_OPT_GO:
          return this.#infoOrGo(option, data, security.peer);
        case nbd.NBD_OPT_STRUCTURED_REPLY:
        case nbd.NBD_OPT_EXTENDED_HEADERS:
          return this.#chooseHeaders(option, data);
        case nbd.NBD_OPT_LIST_META_CONTEXT:
        case nbd.NBD_OPT_SET_META_CONTEXT:
          return this.#metaContext(option, data, security.peer);
        default:
          return this.#refuse(option, nbd.NBD_REP_ERR_UNSUP, 'This option is not known here.');
      }
    } catch (error) {
      // The length in the header was right, so the next option can be found.
      if (error instanceof NbdFormatError) return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, error.message);
      throw error;
    }
  }

  /** Extended headers take precedence over structured replies, in whatever order they are asked for. */
  #chooseHeaders(option: wire.OptionHeader, data: Buffer): undefined {
    if (data.length > 0) return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'This option carries no data.');
    if (option.option === nbd.NBD_OPT_EXTENDED_HEADERS) this.#headers = 'extended';
    else if (this.#headers !== 'extended') this.#headers = 'structured';
    else return this.#refuse(option, nbd.NBD_REP_ERR_EXT_HEADER_REQD, 'Extended headers are in use already.');
    return this.#reply(option, nbd.NBD_REP_ACK);
  }

  #abort(option: wire.OptionHeader): HandshakeStep {
    this.#reply(option, nbd.NBD_REP_ACK);
    return { kind: 'close' };
  }

  #list(option: wire.OptionHeader, data: Buffer, peer: Peer): undefined {
    if (data.length > 0) return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'This option carries no data.');
    const { directory } = this.#settings;
    for (const name of directory.list(peer)) {
      const description = directory.find(peer, name)?.description ?? '';
      this.#reply(option, nbd.NBD_REP_SERVER, wire.encodeServerEntry(name, description));
    }
    return this.#reply(option, nbd.NBD_REP_ACK);
  }

  #exportName(data: Buffer, peer: Peer): HandshakeStep {
    // proto.md, NBD_OPT_EXTENDED_HEADERS: "a client MUST NOT use NBD_OPT_EXPORT_NAME" after it.
    if (this.#headers === 'extended') return drop('The client mixed extended headers with the oldest way to open.');
    const found = this.#find(wire.decodeName(data), peer);
    // This option has no way to answer an error.
    if (found === undefined || this.#settings.refuses(found.name) !== undefined) {
      return drop('The client asked for an export that it cannot have.');
    }
    const zeroes = ((this.#clientFlags ?? 0) & nbd.NBD_FLAG_C_NO_ZEROES) === 0;
    this.#settings.send(
      wire.encodeExportNameReply(found.served.sizeBytes, this.#flags(found.name, found.served), zeroes),
    );
    return this.#enter(found);
  }

  #infoOrGo(option: wire.OptionHeader, data: Buffer, peer: Peer): HandshakeStep | undefined {
    const request = wire.decodeInfoRequest(data);
    const found = this.#find(request.exportName, peer);
    if (found === undefined) return this.#refuse(option, nbd.NBD_REP_ERR_UNKNOWN, UNKNOWN_EXPORT);
    const { name, served } = found;
    const refusal = option.option === nbd.NBD_OPT_GO ? this.#settings.refuses(name) : undefined;
    if (refusal !== undefined) return this.#refuse(option, refusal.type, refusal.message);
    this.#reply(option, nbd.NBD_REP_INFO, wire.encodeInfoExport(served.sizeBytes, this.#flags(name, served)));
    for (const item of new Set(request.items)) {
      const info = encodeInfo(item, name, served);
      if (info !== undefined) this.#reply(option, nbd.NBD_REP_INFO, info);
    }
    this.#reply(option, nbd.NBD_REP_ACK);
    return option.option === nbd.NBD_OPT_GO ? this.#enter(found) : undefined;
  }

  #metaContext(option: wire.OptionHeader, data: Buffer, peer: Peer): undefined {
    const setting = option.option === nbd.NBD_OPT_SET_META_CONTEXT;
    if (setting) this.#selection = undefined;
    if (this.#headers === 'simple') {
      return this.#refuse(option, nbd.NBD_REP_ERR_INVALID, 'Negotiate structured replies or extended headers first.');
    }
    const { exportName, queries } = wire.decodeMetaContextRequest(data);
    const found = this.#find(exportName, peer);
    if (found === undefined) return this.#refuse(option, nbd.NBD_REP_ERR_UNKNOWN, UNKNOWN_EXPORT);
    if (!setting) {
      for (const name of listed(found.served, queries)) {
        this.#reply(option, nbd.NBD_REP_META_CONTEXT, wire.encodeMetaContext(0, name));
      }
      return this.#reply(option, nbd.NBD_REP_ACK);
    }
    const contexts = selected(found.served, queries);
    if (contexts.length > CONTEXTS_SELECTED_MAX) {
      return this.#refuse(
        option,
        nbd.NBD_REP_ERR_TOO_BIG,
        `A connection may select ${CONTEXTS_SELECTED_MAX} contexts.`,
      );
    }
    for (const { id, name } of contexts) {
      this.#reply(option, nbd.NBD_REP_META_CONTEXT, wire.encodeMetaContext(id, name));
    }
    this.#selection = { exportName: found.name, contexts };
    return this.#reply(option, nbd.NBD_REP_ACK);
  }

  /** The empty name means the peer's only export; it answers the real name. */
  #find(asked: string, peer: Peer): { readonly name: string; readonly served: Export } | undefined {
    const { directory } = this.#settings;
    const served = directory.find(peer, asked);
    const name = asked === '' ? directory.list(peer)[0] : asked;
    return served === undefined || name === undefined ? undefined : { name, served };
  }

  #enter({ name, served }: { readonly name: string; readonly served: Export }): HandshakeStep {
    const contexts = this.#contextsOf(name);
    return { kind: 'transmission', session: { exportName: name, served, headers: this.#headers, contexts } };
  }

  /** A selection for another export counts for nothing. Source: proto.md, NBD_OPT_SET_META_CONTEXT. */
  #contextsOf(name: string): readonly MetadataContext[] {
    return this.#selection?.exportName === name ? this.#selection.contexts : [];
  }

  #flags(name: string, { readOnly }: Export): number {
    const writing = nbd.NBD_FLAG_SEND_TRIM | nbd.NBD_FLAG_SEND_WRITE_ZEROES | nbd.NBD_FLAG_SEND_FAST_ZERO;
    const filters = this.#headers === 'extended' && this.#contextsOf(name).length > 0;
    return (
      nbd.NBD_FLAG_HAS_FLAGS |
      nbd.NBD_FLAG_SEND_FLUSH |
      nbd.NBD_FLAG_SEND_FUA |
      nbd.NBD_FLAG_SEND_CACHE |
      nbd.NBD_FLAG_CAN_MULTI_CONN |
      (readOnly ? nbd.NBD_FLAG_READ_ONLY : writing) |
      (this.#headers === 'simple' ? 0 : nbd.NBD_FLAG_SEND_DF) |
      (filters ? nbd.NBD_FLAG_BLOCK_STAT_PAYLOAD : 0)
    );
  }

  #reply(option: wire.OptionHeader, type: number, data?: Uint8Array): undefined {
    this.#settings.send(wire.encodeOptionReply(option.option, type, data));
  }

  #refuse(option: wire.OptionHeader, type: number, message: string): undefined {
    return this.#reply(option, type, Buffer.from(message));
  }
}

function encodeInfo(item: number, name: string, { description, blockSize }: Export): Buffer | undefined {
  switch (item) {
    case nbd.NBD_INFO_NAME:
    case nbd.NBD_INFO_DESCRIPTION:
      return wire.encodeInfoText(item, item === nbd.NBD_INFO_NAME ? name : description);
    case nbd.NBD_INFO_BLOCK_SIZE:
      return wire.encodeInfoBlockSize({ ...blockSize, maximum: Math.min(blockSize.maximum, nbd.NBD_PAYLOAD_MAX) });
    default:
      return undefined; // NBD_INFO_EXPORT is sent in any case; unknown ones are ignored.
  }
}

function drop(reason: string): HandshakeStep {
  return { kind: 'drop', reason };
}
