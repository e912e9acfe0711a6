/** Bytes of the handshake phase, both directions. Pure. Source: NBD proto.md, "Handshake" and "Option types". */
import { NbdFormatError } from './format-error.ts';
import * as nbd from './protocol.ts';

export const SERVER_HELLO_BYTES = 18;
export const CLIENT_FLAGS_BYTES = 4;
export const OPTION_HEADER_BYTES = 16;
export const OPTION_REPLY_HEADER_BYTES = 20;
const EXPORT_NAME_ZEROES_BYTES = 124;

export interface OptionHeader {
  readonly option: number;
  readonly lengthBytes: number;
}
export interface OptionReplyHeader {
  readonly option: number;
  readonly type: number;
  readonly lengthBytes: number;
}
export interface InfoRequest {
  readonly exportName: string;
  /** NBD_INFO_* numbers, known or not. */
  readonly items: readonly number[];
}
export interface MetaContextRequest {
  readonly exportName: string;
  readonly queries: readonly string[];
}
export interface BlockSize {
  readonly minimum: number;
  readonly preferred: number;
  readonly maximum: number;
}

/** magic, IHAVEOPT, handshake flags (16 bits). */
export function encodeServerHello(flags: number): Buffer {
  const out = Buffer.alloc(SERVER_HELLO_BYTES);
  out.write(nbd.NBDMAGIC + nbd.IHAVEOPT, 0, 'latin1');
  out.writeUInt16BE(flags, 16);
  return out;
}

/** Answers the handshake flags. */
export function decodeServerHello(bytes: Buffer): number {
  need(bytes, SERVER_HELLO_BYTES);
  if (bytes.toString('latin1', 0, 16) !== nbd.NBDMAGIC + nbd.IHAVEOPT) {
    throw new NbdFormatError('The server does not greet as a newstyle NBD server.');
  }
  return bytes.readUInt16BE(16);
}

export function encodeClientFlags(flags: number): Buffer {
  const out = Buffer.alloc(CLIENT_FLAGS_BYTES);
  out.writeUInt32BE(flags, 0);
  return out;
}

export function decodeClientFlags(bytes: Buffer): number {
  need(bytes, CLIENT_FLAGS_BYTES);
  return bytes.readUInt32BE(0);
}

/** IHAVEOPT, option (32 bits), length (32 bits), data. */
export function encodeOption(option: number, data: Uint8Array = new Uint8Array(0)): Buffer {
  const out = Buffer.alloc(OPTION_HEADER_BYTES + data.length);
  out.write(nbd.IHAVEOPT, 0, 'latin1');
  out.writeUInt32BE(option, 8);
  out.writeUInt32BE(data.length, 12);
  out.set(data, OPTION_HEADER_BYTES);
  return out;
}

export function decodeOptionHeader(bytes: Buffer): OptionHeader {
  need(bytes, OPTION_HEADER_BYTES);
  if (bytes.toString('latin1', 0, 8) !== nbd.IHAVEOPT) {
    throw new NbdFormatError('An option does not begin with IHAVEOPT.');
  }
  return { option: bytes.readUInt32BE(8), lengthBytes: bytes.readUInt32BE(12) };
}

/** reply magic (64 bits), option, type, length (32 bits each), data. */
export function encodeOptionReply(option: number, type: number, data: Uint8Array = new Uint8Array(0)): Buffer {
  const out = Buffer.alloc(OPTION_REPLY_HEADER_BYTES + data.length);
  out.writeUInt32BE(nbd.NBD_REP_MAGIC_HIGH, 0);
  out.writeUInt32BE(nbd.NBD_REP_MAGIC_LOW, 4);
  out.writeUInt32BE(option, 8);
  out.writeUInt32BE(type, 12);
  out.writeUInt32BE(data.length, 16);
  out.set(data, OPTION_REPLY_HEADER_BYTES);
  return out;
}

export function decodeOptionReplyHeader(bytes: Buffer): OptionReplyHeader {
  need(bytes, OPTION_REPLY_HEADER_BYTES);
  if (bytes.readUInt32BE(0) !== nbd.NBD_REP_MAGIC_HIGH || bytes.readUInt32BE(4) !== nbd.NBD_REP_MAGIC_LOW) {
    throw new NbdFormatError('An option reply has a wrong magic number.');
  }
  return { option: bytes.readUInt32BE(8), type: bytes.readUInt32BE(12), lengthBytes: bytes.readUInt32BE(16) };
}

/** Data of NBD_OPT_INFO and NBD_OPT_GO: name length (32 bits), name, item count (16 bits), items (16 bits each). */
export function encodeInfoRequest(request: InfoRequest): Buffer {
  const name = Buffer.from(request.exportName);
  const out = Buffer.alloc(6 + name.length + 2 * request.items.length);
  out.writeUInt32BE(name.length, 0);
  out.set(name, 4);
  out.writeUInt16BE(request.items.length, 4 + name.length);
  request.items.forEach((item, i) => out.writeUInt16BE(item, 6 + name.length + 2 * i));
  return out;
}

export function decodeInfoRequest(data: Buffer): InfoRequest {
  const { text: exportName, end } = decodeString(data, 0);
  need(data, end + 2);
  const count = data.readUInt16BE(end);
  if (data.length !== end + 2 + 2 * count) throw new NbdFormatError('The item count does not match the option length.');
  return { exportName, items: Array.from({ length: count }, (_, i) => data.readUInt16BE(end + 2 + 2 * i)) };
}

/** Data of NBD_OPT_{LIST,SET}_META_CONTEXT: name, query count (32 bits), queries; strings with 32-bit lengths. */
export function encodeMetaContextRequest(request: MetaContextRequest): Buffer {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(request.queries.length, 0);
  return Buffer.concat([encodeString(request.exportName), count, ...request.queries.map(encodeString)]);
}

export function decodeMetaContextRequest(data: Buffer): MetaContextRequest {
  const { text: exportName, end } = decodeString(data, 0);
  need(data, end + 4);
  const count = data.readUInt32BE(end);
  let at = end + 4;
  const queries: string[] = [];
  while (queries.length < count) {
    const query = decodeString(data, at);
    queries.push(query.text);
    at = query.end;
  }
  if (at !== data.length) throw new NbdFormatError('The option has bytes after its last query.');
  return { exportName, queries };
}

/** The data of NBD_OPT_EXPORT_NAME is the bare name. */
export function decodeName(data: Buffer): string {
  if (data.length > nbd.NBD_STRING_MAX) throw new NbdFormatError('A name is longer than 4096 bytes.');
  return decodeUtf8(data);
}

/** Final answer to NBD_OPT_EXPORT_NAME: size (64 bits), transmission flags (16 bits), zeroes unless declined. */
export function encodeExportNameReply(sizeBytes: number, flags: number, zeroes: boolean): Buffer {
  const out = Buffer.alloc(exportNameReplyBytes(zeroes));
  out.writeBigUInt64BE(BigInt(sizeBytes), 0);
  out.writeUInt16BE(flags, 8);
  return out;
}

export function exportNameReplyBytes(zeroes: boolean): number {
  return 10 + (zeroes ? EXPORT_NAME_ZEROES_BYTES : 0);
}

export function decodeExportNameReply(data: Buffer): { readonly sizeBytes: number; readonly flags: number } {
  need(data, 10);
  return { sizeBytes: safe(data.readBigUInt64BE(0)), flags: data.readUInt16BE(8) };
}

export function encodeInfoExport(sizeBytes: number, flags: number): Buffer {
  const out = Buffer.alloc(12);
  out.writeUInt16BE(nbd.NBD_INFO_EXPORT, 0);
  out.writeBigUInt64BE(BigInt(sizeBytes), 2);
  out.writeUInt16BE(flags, 10);
  return out;
}

export function decodeInfoExport(data: Buffer): { readonly sizeBytes: number; readonly flags: number } {
  if (data.length !== 12) throw new NbdFormatError('NBD_INFO_EXPORT does not have 12 bytes.');
  return { sizeBytes: safe(data.readBigUInt64BE(2)), flags: data.readUInt16BE(10) };
}

/** NBD_INFO_NAME or NBD_INFO_DESCRIPTION. */
export function encodeInfoText(type: number, text: string): Buffer {
  const out = Buffer.alloc(2 + Buffer.byteLength(text));
  out.writeUInt16BE(type, 0);
  out.write(text, 2);
  return out;
}

export function encodeInfoBlockSize(size: BlockSize): Buffer {
  const out = Buffer.alloc(14);
  out.writeUInt16BE(nbd.NBD_INFO_BLOCK_SIZE, 0);
  out.writeUInt32BE(size.minimum, 2);
  out.writeUInt32BE(size.preferred, 6);
  out.writeUInt32BE(size.maximum, 10);
  return out;
}

export function decodeInfoBlockSize(data: Buffer): BlockSize {
  if (data.length !== 14) throw new NbdFormatError('NBD_INFO_BLOCK_SIZE does not have 14 bytes.');
  return { minimum: data.readUInt32BE(2), preferred: data.readUInt32BE(6), maximum: data.readUInt32BE(10) };
}

/** NBD_REP_SERVER: one export of a list. */
export function encodeServerEntry(name: string, description: string): Buffer {
  return Buffer.concat([encodeString(name), Buffer.from(description)]);
}

export function decodeServerEntry(data: Buffer): string {
  return decodeString(data, 0).text;
}

/** NBD_REP_META_CONTEXT: id (32 bits), name. */
export function encodeMetaContext(id: number, name: string): Buffer {
  const out = Buffer.alloc(4 + Buffer.byteLength(name));
  out.writeUInt32BE(id, 0);
  out.write(name, 4);
  return out;
}

export function decodeMetaContext(data: Buffer): { readonly id: number; readonly name: string } {
  need(data, 4);
  return { id: data.readUInt32BE(0), name: decodeUtf8(data.subarray(4)) };
}

function encodeString(text: string): Buffer {
  const out = Buffer.alloc(4 + Buffer.byteLength(text));
  out.writeUInt32BE(out.length - 4, 0);
  out.write(text, 4);
  return out;
}

function decodeString(data: Buffer, at: number): { readonly text: string; readonly end: number } {
  need(data, at + 4);
  const length = data.readUInt32BE(at);
  if (length > nbd.NBD_STRING_MAX) throw new NbdFormatError('A string is longer than 4096 bytes.');
  need(data, at + 4 + length);
  return { text: decodeUtf8(data.subarray(at + 4, at + 4 + length)), end: at + 4 + length };
}

function decodeUtf8(bytes: Buffer): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // Reported below, like a NUL: neither is a string of the protocol.
  }
  throw new NbdFormatError('A string is not UTF-8, or contains NUL.');
}

function safe(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new NbdFormatError('An export is larger than 2^53 bytes.');
  return Number(value);
}

function need(bytes: Buffer, length: number): void {
  if (bytes.length < length) throw new NbdFormatError('A message ends too early.');
}
