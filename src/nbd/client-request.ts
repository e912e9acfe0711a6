import { SystemError } from '../base/errors.ts';
import { NbdFormatError } from './format-error.ts';
import * as nbd from './protocol.ts';
import * as wire from './reply-wire.ts';
import type { StatusExtent } from './reply-wire.ts';

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
const NOTHING = Buffer.alloc(0);

/** A part of what was read. */
interface Part {
  readonly at: number;
  readonly end: number;
  readonly hole: boolean;
}

/** One request that waits for its reply, and what came of it so far. */
export class PendingRequest {
  readonly type: number;
  readonly offset: number;
  readonly length: number;
  readonly settled = Promise.withResolvers<this>();
  /** Extents by context id. */
  readonly statuses = new Map<number, readonly StatusExtent[]>();
  readonly #parts: Part[] = [];
  #content: Buffer = NOTHING;
  #failure: SystemError | undefined;

  constructor(type: number, offset: number, length: number) {
    this.type = type;
    this.offset = offset;
    this.length = length;
  }

  /** Of a read that succeeded: its bytes, holes filled with zeroes. */
  get content(): Buffer {
    return this.#content;
  }

  /** The whole read is one hole. */
  get isHole(): boolean {
    return this.#parts.length > 0 && this.#parts.every(({ hole }) => hole);
  }

  /** Where `length` bytes of content at `offset` of the export go. */
  expectContent(offset: number, length: number): Buffer {
    const { at, end } = this.#part(offset, length, false);
    if (this.#content.length === 0) this.#content = Buffer.allocUnsafeSlow(this.length);
    return this.#content.subarray(at, end);
  }

  /** A whole chunk other than content. */
  absorb(type: number, payload: Buffer, extended: boolean): void {
    if (type === nbd.NBD_REPLY_TYPE_NONE) {
      if (payload.length > 0) throw new NbdFormatError('An empty chunk has content.');
    } else if (type === nbd.NBD_REPLY_TYPE_OFFSET_HOLE) {
      const hole = wire.decodeHole(payload);
      this.#part(hole.offset, hole.lengthBytes, true);
    } else if (type === (extended ? nbd.NBD_REPLY_TYPE_BLOCK_STATUS_EXT : nbd.NBD_REPLY_TYPE_BLOCK_STATUS)) {
      const { contextId, extents } = wire.decodeBlockStatus(payload, extended);
      if (this.statuses.has(contextId)) throw new NbdFormatError('The server answered a context twice.');
      this.statuses.set(contextId, extents);
    } else if ((type & nbd.NBD_REPLY_TYPE_ERROR_BIT) !== 0) {
      const { error, message } = wire.decodeErrorChunk(payload);
      this.fail(error, message);
    } else {
      throw new NbdFormatError(`The server sent a chunk of unknown type ${type}.`);
    }
  }

  fail(error: number, message: string): void {
    const code = ERROR_NAMES.get(error) ?? `NBD_ERROR_${error}`;
    const kind = error === nbd.NBD_ENOSPC ? 'no-space' : error === nbd.NBD_EPERM ? 'denied' : 'invalid';
    const serverFailed = error === nbd.NBD_EIO || error === nbd.NBD_ENOMEM || error === nbd.NBD_ESHUTDOWN;
    const sentence = message || `The server answered ${code}.`;
    this.#failure ??= new SystemError(serverFailed ? 'unavailable' : kind, code, sentence);
  }

  /** The reply is complete. */
  finish(): void {
    if (this.#failure !== undefined) {
      this.settled.reject(this.#failure);
      return;
    }
    if (this.type === nbd.NBD_CMD_READ) this.#completeRead();
    this.settled.resolve(this);
  }

  #part(offset: number, length: number, hole: boolean): Part {
    const part = { at: offset - this.offset, end: offset - this.offset + length, hole };
    if (this.type !== nbd.NBD_CMD_READ || length === 0 || part.at < 0 || part.end > this.length) {
      throw new NbdFormatError('The server sent content that was not asked for.');
    }
    this.#parts.push(part);
    return part;
  }

  /** Every byte must have come once: the memory below a gap is anybody's. */
  #completeRead(): void {
    this.#parts.sort((a, b) => a.at - b.at);
    let at = 0;
    for (const part of this.#parts) {
      if (part.at !== at) throw new NbdFormatError('The server did not send what it should, or sent it twice.');
      at = part.end;
    }
    if (at !== this.length) throw new NbdFormatError('The server did not send all that was asked for.');
    if (this.#content.length === 0) this.#content = Buffer.alloc(this.length);
    else for (const { at: from, end, hole } of this.#parts) if (hole) this.#content.fill(0, from, end);
  }
}
