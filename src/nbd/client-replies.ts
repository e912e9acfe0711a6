import type { PendingRequest } from './client-request.ts';
import { NbdFormatError } from './format-error.ts';
import * as nbd from './protocol.ts';
import type { ReceivedBytes } from './received-bytes.ts';
import * as wire from './reply-wire.ts';
import type { ReplyHeader } from './reply-wire.ts';

/** Longest chunk that is kept until it is whole: a block status. Content goes to where it belongs as it comes. */
const CHUNK_BYTES_MAX = 4 * 1024 * 1024;

/** Cuts what a server sends into replies and gives them to the requests that wait. */
export class ReplyReader {
  readonly #received: ReceivedBytes;
  readonly #extended: boolean;
  readonly #pending: Map<number, PendingRequest>;
  /** What arrived of the next reply: the magic number, which tells the length of its header; then the header. */
  #magic: Buffer | undefined;
  #header: ReplyHeader | undefined;
  #content: { readonly target: Buffer; filled: number } | undefined;

  /** @param pending by cookie; those that are answered are taken out. */
  constructor(received: ReceivedBytes, extended: boolean, pending: Map<number, PendingRequest>) {
    this.#received = received;
    this.#extended = extended;
    this.#pending = pending;
  }

  /** Goes as far as what was received allows. @throws NbdFormatError when the server broke the protocol. */
  advance(): void {
    while (this.#next());
  }

  /** False: more must arrive first. */
  #next(): boolean {
    const header = (this.#header ??= this.#takeHeader());
    if (header === undefined) return false;
    const request = this.#pending.get(header.cookieLow);
    if (request === undefined) throw new NbdFormatError('The server answered a request that was not made.');
    const finished = header.kind === 'simple' ? this.#simple(request, header) : this.#chunk(request, header);
    if (finished === undefined) return false;
    this.#header = undefined;
    if (finished) {
      // Throws when the reply does not add up; then the request is among those that the lost connection rejects.
      request.finish();
      this.#pending.delete(header.cookieLow);
    }
    return true;
  }

  #takeHeader(): ReplyHeader | undefined {
    if (this.#magic === undefined) {
      if (this.#received.length < 4) return undefined;
      this.#magic = this.#received.take(4);
    }
    const left = wire.replyHeaderBytes(this.#magic.readUInt32BE(0), this.#extended) - 4;
    if (this.#received.length < left) return undefined;
    const header = wire.decodeReplyHeader(Buffer.concat([this.#magic, this.#received.take(left)]), this.#extended);
    this.#magic = undefined;
    return header;
  }

  /** Undefined: more must arrive; else whether the reply is complete. The two below alike. */
  #simple(request: PendingRequest, { error }: { readonly error: number }): boolean | undefined {
    if (error !== 0) {
      request.fail(error, '');
      return true;
    }
    if (request.type !== nbd.NBD_CMD_READ || request.length === 0) return true;
    this.#content ??= { target: request.expectContent(request.offset, request.length), filled: 0 };
    return this.#fill(this.#content) ? true : undefined;
  }

  #chunk(request: PendingRequest, header: ReplyHeader & { kind: 'chunk' }): boolean | undefined {
    const { type, lengthBytes, done } = header;
    if (header.offset !== undefined && header.offset !== request.offset) {
      throw new NbdFormatError('The server answered a request that was not made.');
    }
    if (type === nbd.NBD_REPLY_TYPE_OFFSET_DATA) {
      if (this.#content === undefined) {
        if (this.#received.length < Math.min(lengthBytes, wire.OFFSET_BYTES)) return undefined;
        const offset = wire.decodeOffset(this.#received.take(Math.min(lengthBytes, wire.OFFSET_BYTES)));
        this.#content = { target: request.expectContent(offset, lengthBytes - wire.OFFSET_BYTES), filled: 0 };
      }
      return this.#fill(this.#content) ? done : undefined;
    }
    if (lengthBytes > CHUNK_BYTES_MAX) throw new NbdFormatError('The server announced a chunk that is too long.');
    if (this.#received.length < lengthBytes) return undefined;
    request.absorb(type, this.#received.take(lengthBytes), this.#extended);
    return done;
  }

  #fill(content: { readonly target: Buffer; filled: number }): boolean {
    content.filled += this.#received.takeInto(content.target, content.filled);
    if (content.filled < content.target.length) return false;
    this.#content = undefined;
    return true;
  }
}
