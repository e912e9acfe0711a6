/**
 * The first 4 KiB of a stream: what it holds, from which state to which, how long it is, and its key in a wrapped form.
 * PURE. Layout: docs/formats/stream.md.
 */
import { BLOCK_SIZE_BYTES } from '../base/units.ts';
import { assert } from '../base/assert.ts';
import { SystemError } from '../base/errors.ts';
import type { Suite } from '../crypto/aead.ts';
import { decodeKeySection, encodeKeySection } from './key-section.ts';
import type { WrappedStreamKey } from './key-section.ts';

export const STREAM_HEADER_BYTES = 4096;
/** Bytes of content that are sealed as one message. */
export const CHUNK_BYTES = 1024 * 1024;
export const CHUNK_TAG_BYTES = 16;
export const STREAM_ID_BYTES = 16;
export const STATE_IDENTITY_BYTES = 32;

const MAGIC = 'SDSTREAM';
const VERSION = 1;
const NAME_BYTES = 64;
const NAMES_AT = 136;
const KEY_SECTION_AT = 328;
export const COMMITMENT_AT = 4032;
export const MAC_AT = 4064;

/** The content's length is bounded by what a number holds exactly; a record needs no more than 1.04 of its data. */
const BODY_BYTES_MAX = 2 ** 52;

const SUITE_CODE: Readonly<Record<Suite, number>> = { 'aes-256-gcm': 1, 'sm4-gcm': 2 };

/** A state of a disk that a stream begins or ends with. */
export interface StreamState {
  readonly snapshotId: string;
  /** 32 bytes: see `stateIdentity`. */
  readonly identity: Uint8Array;
}

export interface StreamHeader {
  /** 16 random bytes, new for each stream. */
  readonly streamId: Uint8Array;
  /** What the stream is sealed with. */
  readonly suite: Suite;
  /** Whether the API calls the source disk encrypted. */
  readonly encrypted: boolean;
  readonly diskId: string;
  readonly diskSizeBytes: number;
  readonly state: StreamState;
  /** Undefined in a full stream, which begins with an empty disk. */
  readonly base: StreamState | undefined;
  /** Of the content, before it was sealed. */
  readonly bodyBytes: number;
  readonly dataBlocks: number;
  readonly createdMs: number;
  readonly key: WrappedStreamKey;
}

/** The fields; commitment and MAC are left zero for `authenticateHeader` to fill in. */
export function encodeHeaderFields(header: StreamHeader): Uint8Array {
  assert(header.streamId.length === STREAM_ID_BYTES, 'a stream id has 16 bytes');
  const out = Buffer.alloc(STREAM_HEADER_BYTES);
  out.write(MAGIC, 0, 'latin1');
  out.writeUInt32LE(VERSION, 8);
  out.writeUInt32LE(CHUNK_BYTES, 12);
  out.set(header.streamId, 16);
  out[32] = SUITE_CODE[header.suite];
  out[33] = header.base === undefined ? 1 : 2;
  out[34] = header.encrypted ? 1 : 0;
  out.writeUInt32LE(BLOCK_SIZE_BYTES, 36);
  out.writeBigUInt64LE(BigInt(header.diskSizeBytes), 40);
  out.writeBigUInt64LE(BigInt(header.bodyBytes), 48);
  out.writeBigUInt64LE(BigInt(header.dataBlocks), 56);
  out.writeBigUInt64LE(BigInt(header.createdMs), 64);
  out.set(header.state.identity, 72);
  if (header.base !== undefined) out.set(header.base.identity, 104);
  for (const [i, name] of [header.diskId, header.state.snapshotId, header.base?.snapshotId ?? ''].entries()) {
    assert(name.length < NAME_BYTES, 'names fit into their field');
    out.write(name, NAMES_AT + i * NAME_BYTES, 'latin1');
  }
  const section = encodeKeySection(header.key);
  assert(section.length <= COMMITMENT_AT - KEY_SECTION_AT, 'the key section fits into the header');
  out.set(section, KEY_SECTION_AT);
  return out;
}

/**
 * What a header says; whether it is authentic is for `verifyHeader`.
 * @throws {SystemError} kind `invalid`, code `NOT_A_STREAM`, or `STREAM_TOO_NEW`.
 */
export function decodeHeader(bytes: Uint8Array): StreamHeader {
  const input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (input.length !== STREAM_HEADER_BYTES || input.toString('latin1', 0, 8) !== MAGIC) throw notAStream();
  if (input.readUInt32LE(8) !== VERSION)
    throw new SystemError(
      'invalid',
      'STREAM_TOO_NEW',
      `This stream has format version ${input.readUInt32LE(8)}, and this program knows version ${VERSION}; receive it with the version that made it.`,
    );
  const suite = (Object.keys(SUITE_CODE) as Suite[]).find((name) => SUITE_CODE[name] === input[32]);
  const kind = input[33];
  const key = decodeKeySection(input.subarray(KEY_SECTION_AT, COMMITMENT_AT));
  const numbers = [40, 48, 56, 64].map((at) => Number(input.readBigUInt64LE(at)));
  const [diskSizeBytes = 0, bodyBytes = 0, dataBlocks = 0, createdMs = 0] = numbers;
  const sound =
    suite !== undefined &&
    key !== undefined &&
    (kind === 1 || kind === 2) &&
    (input[34] === 0 || input[34] === 1) &&
    input[35] === 0 &&
    input.readUInt32LE(12) === CHUNK_BYTES &&
    input.readUInt32LE(36) === BLOCK_SIZE_BYTES &&
    numbers.every((value) => Number.isSafeInteger(value)) &&
    diskSizeBytes > 0 &&
    diskSizeBytes % BLOCK_SIZE_BYTES === 0 &&
    bodyBytes <= BODY_BYTES_MAX &&
    dataBlocks * BLOCK_SIZE_BYTES <= Math.min(bodyBytes, diskSizeBytes);
  if (!sound) throw notAStream();
  const [diskId = '', snapshotId = '', baseId = ''] = [0, 1, 2].map((i) => nameAt(input, NAMES_AT + i * NAME_BYTES));
  const identityAt = (at: number): Uint8Array => new Uint8Array(input.subarray(at, at + STATE_IDENTITY_BYTES));
  return {
    streamId: new Uint8Array(input.subarray(16, 32)),
    suite,
    encrypted: input[34] === 1,
    diskId,
    diskSizeBytes,
    state: { snapshotId, identity: identityAt(72) },
    base: kind === 2 ? { snapshotId: baseId, identity: identityAt(104) } : undefined,
    bodyBytes,
    dataBlocks,
    createdMs,
    key,
  };
}

/** How long the sealed stream is. */
export function streamBytes({ bodyBytes }: Pick<StreamHeader, 'bodyBytes'>): number {
  return STREAM_HEADER_BYTES + bodyBytes + chunkCount(bodyBytes) * CHUNK_TAG_BYTES;
}

export function chunkCount(bodyBytes: number): number {
  return Math.ceil(bodyBytes / CHUNK_BYTES);
}

/** Where a chunk begins in the stream, and how many sealed bytes it has. */
export function chunkPlace(bodyBytes: number, index: number): { readonly at: number; readonly lengthBytes: number } {
  const content = Math.min(CHUNK_BYTES, bodyBytes - index * CHUNK_BYTES);
  return { at: STREAM_HEADER_BYTES + index * (CHUNK_BYTES + CHUNK_TAG_BYTES), lengthBytes: content + CHUNK_TAG_BYTES };
}

function nameAt(input: Buffer, at: number): string {
  const end = input.indexOf(0, at);
  const name = input.toString('latin1', at, Math.min(end === -1 ? input.length : end, at + NAME_BYTES));
  if (!/^[\w.-]*$/.test(name)) throw notAStream();
  return name;
}

function notAStream(): SystemError {
  return new SystemError(
    'invalid',
    'NOT_A_STREAM',
    'This is not the beginning of a stream that sealdisk disk send wrote; give the stream from its first byte, unchanged.',
  );
}
