/**
 * Bytes of the transmission phase, both directions. Pure. Source: NBD proto.md, "Transmission".
 * Encoders write into a buffer of the caller and answer where they stopped, so that many replies share one write.
 */
import { NbdFormatError } from './format-error.ts';
import * as nbd from './protocol.ts';
import type { BlockExtent } from './export.ts';

export const REQUEST_BYTES = 28;
export const SIMPLE_REPLY_BYTES = 16;
export const CHUNK_HEADER_BYTES = 20;
/** Of an OFFSET_DATA chunk, before the data. */
export const OFFSET_BYTES = 8;
const TWO_32 = 2 ** 32;

/** A request as the client sent it; nothing but the magic number is checked. The cookie is kept as two halves. */
export interface Request {
  readonly flags: number;
  readonly type: number;
  readonly cookieHigh: number;
  readonly cookieLow: number;
  /** Exact up to 2^53; beyond that rounded, and in any case far past the end of every export. */
  readonly offset: number;
  readonly length: number;
}
export type Cookie = Pick<Request, 'cookieHigh' | 'cookieLow'>;

/** magic, flags (16), type (16), cookie (64), offset (64), length (32 bits). */
export function encodeRequest(out: Buffer, at: number, request: Request): number {
  out.writeUInt32BE(nbd.NBD_REQUEST_MAGIC, at);
  out.writeUInt16BE(request.flags, at + 4);
  out.writeUInt16BE(request.type, at + 6);
  out.writeUInt32BE(request.cookieHigh, at + 8);
  out.writeUInt32BE(request.cookieLow, at + 12);
  writeUInt64(out, at + 16, request.offset);
  out.writeUInt32BE(request.length, at + 24);
  return at + REQUEST_BYTES;
}

/** @throws NbdFormatError when the magic number is wrong or bytes are missing: there is no way to find the next request. */
export function decodeRequest(bytes: Buffer): Request {
  if (bytes.length < REQUEST_BYTES) throw new NbdFormatError('A request ends too early.');
  if (bytes.readUInt32BE(0) !== nbd.NBD_REQUEST_MAGIC) throw new NbdFormatError('A request has a wrong magic number.');
  return {
    flags: bytes.readUInt16BE(4),
    type: bytes.readUInt16BE(6),
    cookieHigh: bytes.readUInt32BE(8),
    cookieLow: bytes.readUInt32BE(12),
    offset: bytes.readUInt32BE(16) * TWO_32 + bytes.readUInt32BE(20),
    length: bytes.readUInt32BE(24),
  };
}

/** magic, error, cookie. The data of a successful read follows. */
export function encodeSimpleReply(out: Buffer, at: number, cookie: Cookie, error: number): number {
  out.writeUInt32BE(nbd.NBD_SIMPLE_REPLY_MAGIC, at);
  out.writeUInt32BE(error, at + 4);
  out.writeUInt32BE(cookie.cookieHigh, at + 8);
  out.writeUInt32BE(cookie.cookieLow, at + 12);
  return at + SIMPLE_REPLY_BYTES;
}

/** magic, flags (16), type (16), cookie (64), payload length (32). The chunk is the only one of its reply. */
export function encodeChunkHeader(out: Buffer, at: number, cookie: Cookie, type: number, lengthBytes: number): number {
  out.writeUInt32BE(nbd.NBD_STRUCTURED_REPLY_MAGIC, at);
  out.writeUInt16BE(nbd.NBD_REPLY_FLAG_DONE, at + 4);
  out.writeUInt16BE(type, at + 6);
  out.writeUInt32BE(cookie.cookieHigh, at + 8);
  out.writeUInt32BE(cookie.cookieLow, at + 12);
  out.writeUInt32BE(lengthBytes, at + 16);
  return at + CHUNK_HEADER_BYTES;
}

/** Header and offset of a chunk NBD_REPLY_TYPE_OFFSET_DATA; the data follows. */
export function encodeOffsetData(out: Buffer, at: number, request: Request, lengthBytes: number): number {
  const payload = encodeChunkHeader(out, at, request, nbd.NBD_REPLY_TYPE_OFFSET_DATA, OFFSET_BYTES + lengthBytes);
  writeUInt64(out, payload, request.offset);
  return payload + OFFSET_BYTES;
}

export function errorChunkBytes(message: string): number {
  return CHUNK_HEADER_BYTES + 6 + message.length;
}

/** @param message ASCII, for people. */
export function encodeErrorChunk(out: Buffer, at: number, cookie: Cookie, error: number, message: string): number {
  const payload = encodeChunkHeader(out, at, cookie, nbd.NBD_REPLY_TYPE_ERROR, 6 + message.length);
  out.writeUInt32BE(error, payload);
  out.writeUInt16BE(message.length, payload + 4);
  return payload + 6 + out.write(message, payload + 6, 'latin1');
}

export function blockStatusBytes(extents: readonly BlockExtent[]): number {
  return CHUNK_HEADER_BYTES + 4 + 8 * extents.length;
}

/** context id (32 bits), then for each extent its length and NBD_STATE_* flags (32 bits each). */
export function encodeBlockStatus(
  out: Buffer,
  at: number,
  cookie: Cookie,
  contextId: number,
  extents: readonly BlockExtent[],
): number {
  let next = encodeChunkHeader(out, at, cookie, nbd.NBD_REPLY_TYPE_BLOCK_STATUS, 4 + 8 * extents.length);
  out.writeUInt32BE(contextId, next);
  next += 4;
  for (const { lengthBytes, hole, zero } of extents) {
    out.writeUInt32BE(lengthBytes, next);
    out.writeUInt32BE((hole ? nbd.NBD_STATE_HOLE : 0) | (zero ? nbd.NBD_STATE_ZERO : 0), next + 4);
    next += 8;
  }
  return next;
}

export type ReplyHeader =
  | { readonly kind: 'simple'; readonly cookieLow: number; readonly error: number }
  | {
      readonly kind: 'chunk';
      readonly cookieLow: number;
      readonly done: boolean;
      readonly type: number;
      readonly lengthBytes: number;
    };

/** How long the header is that begins with these four bytes. */
export function replyHeaderBytes(magic: number): number {
  if (magic === nbd.NBD_SIMPLE_REPLY_MAGIC) return SIMPLE_REPLY_BYTES;
  if (magic === nbd.NBD_STRUCTURED_REPLY_MAGIC) return CHUNK_HEADER_BYTES;
  throw new NbdFormatError('A reply has a wrong magic number.');
}

export function decodeReplyHeader(bytes: Buffer): ReplyHeader {
  if (bytes.length < 4 || bytes.length < replyHeaderBytes(bytes.readUInt32BE(0))) {
    throw new NbdFormatError('A reply ends too early.');
  }
  if (bytes.readUInt32BE(0) === nbd.NBD_SIMPLE_REPLY_MAGIC) {
    return { kind: 'simple', cookieLow: bytes.readUInt32BE(12), error: bytes.readUInt32BE(4) };
  }
  return {
    kind: 'chunk',
    cookieLow: bytes.readUInt32BE(12),
    done: (bytes.readUInt16BE(4) & nbd.NBD_REPLY_FLAG_DONE) !== 0,
    type: bytes.readUInt16BE(6),
    lengthBytes: bytes.readUInt32BE(16),
  };
}

export function decodeOffset(payload: Buffer): number {
  if (payload.length < OFFSET_BYTES) throw new NbdFormatError('A content chunk ends too early.');
  return payload.readUInt32BE(0) * TWO_32 + payload.readUInt32BE(4);
}

export function decodeHole(payload: Buffer): { readonly offset: number; readonly lengthBytes: number } {
  if (payload.length !== 12) throw new NbdFormatError('A hole chunk does not have 12 bytes.');
  return { offset: decodeOffset(payload), lengthBytes: payload.readUInt32BE(8) };
}

export function decodeErrorChunk(payload: Buffer): { readonly error: number; readonly message: string } {
  if (payload.length < 6 || payload.length < 6 + payload.readUInt16BE(4)) {
    throw new NbdFormatError('An error chunk ends too early.');
  }
  return { error: payload.readUInt32BE(0), message: payload.toString('utf8', 6, 6 + payload.readUInt16BE(4)) };
}

export function decodeBlockStatus(payload: Buffer): BlockExtent[] {
  if (payload.length < 12 || payload.length % 8 !== 4) throw new NbdFormatError('A block status has a wrong length.');
  return Array.from({ length: (payload.length - 4) / 8 }, (_, i) => {
    const state = payload.readUInt32BE(8 + 8 * i);
    return {
      lengthBytes: payload.readUInt32BE(4 + 8 * i),
      hole: (state & nbd.NBD_STATE_HOLE) !== 0,
      zero: (state & nbd.NBD_STATE_ZERO) !== 0,
    };
  });
}

function writeUInt64(out: Buffer, at: number, value: number): void {
  out.writeUInt32BE(Math.floor(value / TWO_32), at);
  out.writeUInt32BE(value % TWO_32, at + 4);
}
