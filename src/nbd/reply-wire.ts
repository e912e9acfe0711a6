/**
 * Bytes of replies, both directions. Pure. Source: NBD proto.md, "Transmission".
 * Encoders write into a buffer of the caller and answer where they stopped, so that many replies share one write.
 */
import { NbdFormatError } from './format-error.ts';
import * as nbd from './protocol.ts';
import { readUInt64, writeUInt64 } from './request-wire.ts';
import type { Request } from './request-wire.ts';

export const SIMPLE_REPLY_BYTES = 16;
export const STRUCTURED_HEADER_BYTES = 20;
export const EXTENDED_HEADER_BYTES = 32;
/** Of a content chunk: before the data, and all of a hole. */
export const OFFSET_BYTES = 8;
export const HOLE_BYTES = 12;

/** What a request gives to its replies. */
export type RepliedTo = Pick<Request, 'cookieHigh' | 'cookieLow' | 'offsetHigh' | 'offsetLow'>;
/** Part of a block status: `flags` mean what the context says. */
export interface StatusExtent {
  readonly lengthBytes: number;
  readonly flags: number;
}

/** magic, error, cookie. The data of a successful read follows. */
export function encodeSimpleReply(out: Buffer, at: number, to: RepliedTo, error: number): number {
  out.writeUInt32BE(nbd.NBD_SIMPLE_REPLY_MAGIC, at);
  out.writeUInt32BE(error, at + 4);
  out.writeUInt32BE(to.cookieHigh, at + 8);
  out.writeUInt32BE(to.cookieLow, at + 12);
  return at + SIMPLE_REPLY_BYTES;
}

/** What all chunks of one reply have in common. */
export interface Chunk {
  readonly extended: boolean;
  readonly to: RepliedTo;
  /** It is the last one of its reply. */
  readonly done: boolean;
}

export function chunkHeaderBytes(extended: boolean): number {
  return extended ? EXTENDED_HEADER_BYTES : STRUCTURED_HEADER_BYTES;
}

/** magic, flags (16), type (16), cookie (64), when extended the request's offset (64), payload length (32 or 64 bits). */
export function encodeChunkHeader(out: Buffer, at: number, chunk: Chunk, type: number, lengthBytes: number): number {
  const { extended, to, done } = chunk;
  out.writeUInt32BE(extended ? nbd.NBD_EXTENDED_REPLY_MAGIC : nbd.NBD_STRUCTURED_REPLY_MAGIC, at);
  out.writeUInt16BE(done ? nbd.NBD_REPLY_FLAG_DONE : 0, at + 4);
  out.writeUInt16BE(type, at + 6);
  out.writeUInt32BE(to.cookieHigh, at + 8);
  out.writeUInt32BE(to.cookieLow, at + 12);
  if (!extended) {
    out.writeUInt32BE(lengthBytes, at + 16);
    return at + STRUCTURED_HEADER_BYTES;
  }
  out.writeUInt32BE(to.offsetHigh, at + 16);
  out.writeUInt32BE(to.offsetLow, at + 20);
  out.writeUInt32BE(0, at + 24);
  out.writeUInt32BE(lengthBytes, at + 28);
  return at + EXTENDED_HEADER_BYTES;
}

/** Header and offset of a chunk NBD_REPLY_TYPE_OFFSET_DATA; the data follows. */
export function encodeOffsetData(out: Buffer, at: number, chunk: Chunk, offset: number, lengthBytes: number): number {
  const payload = encodeChunkHeader(out, at, chunk, nbd.NBD_REPLY_TYPE_OFFSET_DATA, OFFSET_BYTES + lengthBytes);
  writeUInt64(out, payload, offset);
  return payload + OFFSET_BYTES;
}

/** A whole chunk NBD_REPLY_TYPE_OFFSET_HOLE: offset (64 bits), length (32 bits). */
export function encodeOffsetHole(out: Buffer, at: number, chunk: Chunk, offset: number, lengthBytes: number): number {
  const payload = encodeChunkHeader(out, at, chunk, nbd.NBD_REPLY_TYPE_OFFSET_HOLE, HOLE_BYTES);
  writeUInt64(out, payload, offset);
  out.writeUInt32BE(lengthBytes, payload + 8);
  return payload + HOLE_BYTES;
}

export function errorChunkBytes(extended: boolean, message: string): number {
  return chunkHeaderBytes(extended) + 6 + message.length;
}

/** @param message ASCII, for people. */
export function encodeErrorChunk(out: Buffer, at: number, chunk: Chunk, error: number, message: string): number {
  const payload = encodeChunkHeader(out, at, chunk, nbd.NBD_REPLY_TYPE_ERROR, 6 + message.length);
  out.writeUInt32BE(error, payload);
  out.writeUInt16BE(message.length, payload + 4);
  return payload + 6 + out.write(message, payload + 6, 'latin1');
}

export function blockStatusBytes(extended: boolean, extents: readonly StatusExtent[]): number {
  return chunkHeaderBytes(extended) + (extended ? 8 + 16 * extents.length : 4 + 8 * extents.length);
}

/**
 * Compact: context id (32 bits), then for each extent length and flags (32 bits each).
 * Extended: context id and number of extents (32 bits each), then for each extent length and flags (64 bits each).
 */
export function encodeBlockStatus(
  out: Buffer,
  at: number,
  chunk: Chunk,
  contextId: number,
  extents: readonly StatusExtent[],
): number {
  const { extended } = chunk;
  const type = extended ? nbd.NBD_REPLY_TYPE_BLOCK_STATUS_EXT : nbd.NBD_REPLY_TYPE_BLOCK_STATUS;
  const lengthBytes = blockStatusBytes(extended, extents) - chunkHeaderBytes(extended);
  let next = encodeChunkHeader(out, at, chunk, type, lengthBytes);
  next = out.writeUInt32BE(contextId, next);
  if (extended) next = out.writeUInt32BE(extents.length, next);
  for (const extent of extents) {
    if (extended) {
      writeUInt64(out, next, extent.lengthBytes);
      writeUInt64(out, next + 8, extent.flags);
      next += 16;
    } else {
      next = out.writeUInt32BE(extent.lengthBytes, next);
      next = out.writeUInt32BE(extent.flags, next);
    }
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
      /** Of the request; only extended replies repeat it. */
      readonly offset: number | undefined;
    };

/** How long the header is that begins with these four bytes. @throws NbdFormatError unless it fits what was negotiated. */
export function replyHeaderBytes(magic: number, extended: boolean): number {
  if (extended && magic === nbd.NBD_EXTENDED_REPLY_MAGIC) return EXTENDED_HEADER_BYTES;
  if (!extended && magic === nbd.NBD_SIMPLE_REPLY_MAGIC) return SIMPLE_REPLY_BYTES;
  if (!extended && magic === nbd.NBD_STRUCTURED_REPLY_MAGIC) return STRUCTURED_HEADER_BYTES;
  throw new NbdFormatError('A reply has a wrong magic number.');
}

export function decodeReplyHeader(bytes: Buffer, extended: boolean): ReplyHeader {
  if (bytes.length < 4 || bytes.length < replyHeaderBytes(bytes.readUInt32BE(0), extended)) {
    throw new NbdFormatError('A reply ends too early.');
  }
  const cookieLow = bytes.readUInt32BE(12);
  if (bytes.readUInt32BE(0) === nbd.NBD_SIMPLE_REPLY_MAGIC) {
    return { kind: 'simple', cookieLow, error: bytes.readUInt32BE(4) };
  }
  return {
    kind: 'chunk',
    cookieLow,
    done: (bytes.readUInt16BE(4) & nbd.NBD_REPLY_FLAG_DONE) !== 0,
    type: bytes.readUInt16BE(6),
    lengthBytes: extended ? readUInt64(bytes, 24) : bytes.readUInt32BE(16),
    offset: extended ? readUInt64(bytes, 16) : undefined,
  };
}

export function decodeOffset(payload: Buffer): number {
  if (payload.length < OFFSET_BYTES) throw new NbdFormatError('A content chunk ends too early.');
  return readUInt64(payload, 0);
}

export function decodeHole(payload: Buffer): { readonly offset: number; readonly lengthBytes: number } {
  if (payload.length !== HOLE_BYTES) throw new NbdFormatError('A hole chunk does not have 12 bytes.');
  return { offset: decodeOffset(payload), lengthBytes: payload.readUInt32BE(8) };
}

export function decodeErrorChunk(payload: Buffer): { readonly error: number; readonly message: string } {
  if (payload.length < 6 || payload.length < 6 + payload.readUInt16BE(4)) {
    throw new NbdFormatError('An error chunk ends too early.');
  }
  return { error: payload.readUInt32BE(0), message: payload.toString('utf8', 6, 6 + payload.readUInt16BE(4)) };
}

export interface BlockStatus {
  readonly contextId: number;
  readonly extents: StatusExtent[];
}

export function decodeBlockStatus(payload: Buffer, extended: boolean): BlockStatus {
  const head = extended ? 8 : 4;
  const each = extended ? 16 : 8;
  if (payload.length < head + each || (payload.length - head) % each !== 0) {
    throw new NbdFormatError('A block status has a wrong length.');
  }
  const count = (payload.length - head) / each;
  // Zero is allowed: "the number of subsequent descriptors is determined solely by the length field".
  const told = extended ? payload.readUInt32BE(4) : count;
  if (told !== 0 && told !== count) throw new NbdFormatError('A block status does not have the extents it announces.');
  const extents = Array.from({ length: count }, (_, i): StatusExtent => {
    const at = head + each * i;
    const lengthBytes = extended ? readUInt64(payload, at) : payload.readUInt32BE(at);
    if (lengthBytes === 0) throw new NbdFormatError('An extent of a block status is empty.');
    return { lengthBytes, flags: extended ? readUInt64(payload, at + 8) : payload.readUInt32BE(at + 4) };
  });
  return { contextId: payload.readUInt32BE(0), extents };
}
