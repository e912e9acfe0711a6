/** Bytes of requests, both directions. Pure. Source: NBD proto.md, "Request message". */
import { NbdFormatError } from './format-error.ts';
import * as nbd from './protocol.ts';

export const COMPACT_REQUEST_BYTES = 28;
export const EXTENDED_REQUEST_BYTES = 32;
const TWO_32 = 2 ** 32;

/** A request as the client sent it; nothing but the magic number is checked. 64-bit fields that replies repeat are kept as two halves. */
export interface Request {
  readonly flags: number;
  readonly type: number;
  readonly cookieHigh: number;
  readonly cookieLow: number;
  readonly offsetHigh: number;
  readonly offsetLow: number;
  /** Exact up to 2^53; beyond that rounded, and in any case far past the end of every export. */
  readonly offset: number;
  /** Of the payload or of the effect, as `payloadBytes` tells. Exact up to 2^53. */
  readonly length: number;
}

/** What a client says; the cookie is a number below 2^32, offset and length are below 2^53. */
export type Asked = Pick<Request, 'flags' | 'type' | 'offset' | 'length'> & { readonly cookie: number };

export function requestBytes(extended: boolean): number {
  return extended ? EXTENDED_REQUEST_BYTES : COMPACT_REQUEST_BYTES;
}

/** magic, flags (16), type (16), cookie (64), offset (64), length (32 bits, or 64 when extended). */
export function encodeRequest(out: Buffer, at: number, request: Asked, extended: boolean): number {
  out.writeUInt32BE(extended ? nbd.NBD_EXTENDED_REQUEST_MAGIC : nbd.NBD_REQUEST_MAGIC, at);
  out.writeUInt16BE(request.flags, at + 4);
  out.writeUInt16BE(request.type, at + 6);
  out.writeUInt32BE(0, at + 8);
  out.writeUInt32BE(request.cookie, at + 12);
  writeUInt64(out, at + 16, request.offset);
  if (extended) writeUInt64(out, at + 24, request.length);
  else out.writeUInt32BE(request.length, at + 24);
  return at + requestBytes(extended);
}

/** @throws NbdFormatError when the magic number is wrong or bytes are missing: there is no way to find the next request. */
export function decodeRequest(bytes: Buffer, at: number, extended: boolean): Request {
  if (bytes.length < at + requestBytes(extended)) throw new NbdFormatError('A request ends too early.');
  if (bytes.readUInt32BE(at) !== (extended ? nbd.NBD_EXTENDED_REQUEST_MAGIC : nbd.NBD_REQUEST_MAGIC)) {
    throw new NbdFormatError('A request has a wrong magic number.');
  }
  const offsetHigh = bytes.readUInt32BE(at + 16);
  const offsetLow = bytes.readUInt32BE(at + 20);
  const last = bytes.readUInt32BE(at + 24);
  return {
    flags: bytes.readUInt16BE(at + 4),
    type: bytes.readUInt16BE(at + 6),
    cookieHigh: bytes.readUInt32BE(at + 8),
    cookieLow: bytes.readUInt32BE(at + 12),
    offsetHigh,
    offsetLow,
    offset: offsetHigh * TWO_32 + offsetLow,
    length: extended ? last * TWO_32 + bytes.readUInt32BE(at + 28) : last,
  };
}

/** How many bytes follow the header. In compact requests only writes have a payload; in extended ones a flag tells. */
export function payloadBytes({ type, flags, length }: Request, extended: boolean): number {
  if (extended) return (flags & nbd.NBD_CMD_FLAG_PAYLOAD_LEN) === 0 ? 0 : length;
  return type === nbd.NBD_CMD_WRITE ? length : 0;
}

/** The payload of NBD_CMD_BLOCK_STATUS: effect length (64 bits), then the ids of the contexts asked for (32 bits each). */
export interface StatusPayload {
  readonly length: number;
  readonly contextIds: readonly number[];
}

export function encodeStatusPayload({ length, contextIds }: StatusPayload): Buffer {
  const out = Buffer.alloc(8 + 4 * contextIds.length);
  writeUInt64(out, 0, length);
  contextIds.forEach((id, i) => out.writeUInt32BE(id, 8 + 4 * i));
  return out;
}

export function decodeStatusPayload(payload: Buffer): StatusPayload {
  if (payload.length < 8 || payload.length % 4 !== 0) {
    throw new NbdFormatError('The payload of a block status has a wrong length.');
  }
  const ids = Array.from({ length: (payload.length - 8) / 4 }, (_, i) => payload.readUInt32BE(8 + 4 * i));
  return { length: readUInt64(payload, 0), contextIds: ids };
}

export function writeUInt64(out: Buffer, at: number, value: number): void {
  out.writeUInt32BE(Math.floor(value / TWO_32), at);
  out.writeUInt32BE(value % TWO_32, at + 4);
}

/** Exact up to 2^53. */
export function readUInt64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4);
}
