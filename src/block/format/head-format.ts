/** The head: what a disk is and where its state begins. Layout in docs/formats/head.md. */
import { createHash } from 'node:crypto';

import type { Suite } from '../../crypto/aead.ts';
import { ByteReader, ByteWriter, toHex } from './fixed-bytes.ts';
import { OLDER_KEY_SIZE_BYTES, OLDER_KEYS_MAX } from './key-records.ts';
import type { Pin } from './pin.ts';
import { MAC_SIZE_BYTES } from './record-macs.ts';
import type { RecordMacs } from './record-macs.ts';
import { SUITE_CODES, suiteOfCode } from './suite-codes.ts';

export const HEAD_SIZE_BYTES = 4096;
export const HEAD_COPIES = 2;
const MAGIC = 'SDHEAD_1';
const VERSION = 2;
const ENCRYPTED = 1;
const CLEAN = 2;
const RUNNING = 1;
const PAUSED = 2;
const DISK_ID_FIELD_BYTES = 96;
export const WRAPPED_KEY_SIZE_BYTES_MAX = 2048;
export const TABLE_ID_SIZE_BYTES = 16;
/** Behind the longest wrapped key. */
const KEYS_AT = 2336;

/** What a disk carries about itself in its own head, bound by a MAC under its data key. */
export interface DiskIdentity {
  readonly diskId: string;
  readonly sizeBytes: number;
  /** False for a disk that the API calls unencrypted: same format, data key wrapped by the root key. */
  readonly encrypted: boolean;
  /** The wrapped data key, opaque here, kept so that the disk can be opened from its files and KMS alone. */
  readonly wrappedKey: Uint8Array;
}

export interface Head extends DiskIdentity {
  /** Grows by one with every head that is written. */
  readonly sequence: number;
  readonly suite: Suite;
  /** True: nothing was written since `tableId`. False: the log goes on from `log` in session `session`. */
  readonly clean: boolean;
  /** The segment table, which also names the root of the map; `tableDigest` is the SHA-256 of one copy of it. */
  readonly tableId: Uint8Array;
  readonly tableDigest: Uint8Array;
  /** The session that is writing, or wrote last. */
  readonly session: Uint8Array;
  /** Where replay begins: segment number, its id, slot. All zero when clean. */
  readonly log: { readonly segment: number; readonly id: Uint8Array; readonly slot: number };
  /** No segment number from here on has ever been used in this timeline. */
  readonly nextSegment: number;
  /** Who holds the disk while it is not clean. */
  readonly machine: Uint8Array;
  readonly directoryInode: number;
  /** Earlier data keys that something still needs, newest first, sealed under the data key (`DiskKeys.sealOlder`). */
  readonly olderKeys: readonly Uint8Array[];
  /** Undefined when every segment is sealed as the head says. */
  readonly reencryption: Reencryption | undefined;
}

/** How far everything is sealed anew under the data key and suite of the head. */
export interface Reencryption {
  readonly paused: boolean;
  /** 0: as fast as the clients leave room for. */
  readonly bytesPerSecond: number;
  /** Segments, and slots in them, that there were to do when it began. */
  readonly segments: number;
  readonly slots: number;
  /** Milliseconds since the Unix epoch. */
  readonly beganAtMs: number;
}

/** What is kept of an inode: some file systems number beyond what a stored integer can hold. */
export function storedInode(inode: number): number {
  return inode % 2 ** 48;
}

/** One copy; both copies on disk are the same bytes, and every byte is under the MAC or part of it. */
export function encodeHead(head: Head, keys: RecordMacs): Uint8Array {
  const writer = new ByteWriter(HEAD_SIZE_BYTES)
    .text(MAGIC)
    .u16(VERSION)
    .u8(SUITE_CODES[head.suite])
    .u8((head.encrypted ? ENCRYPTED : 0) + (head.clean ? CLEAN : 0))
    .u32(0)
    .u64(head.sequence)
    .u64(head.sizeBytes)
    .raw(head.tableId)
    .raw(head.tableDigest)
    .raw(head.session)
    .u64(head.log.segment)
    .raw(head.log.id)
    .u32(head.log.slot)
    .u32(0)
    .u64(head.nextSegment)
    .raw(head.machine)
    .u64(head.directoryInode)
    .u8(head.diskId.length);
  const idAt = writer.position;
  writer.text(head.diskId).padTo(idAt + DISK_ID_FIELD_BYTES - 1);
  writer.u16(head.wrappedKey.length).raw(head.wrappedKey).padTo(KEYS_AT);
  const running = head.reencryption;
  writer
    .u32(head.olderKeys.length)
    .u32(running === undefined ? 0 : running.paused ? PAUSED : RUNNING)
    .u64(running?.bytesPerSecond ?? 0)
    .u64(running?.segments ?? 0)
    .u64(running?.slots ?? 0)
    .u64(running?.beganAtMs ?? 0);
  for (const key of head.olderKeys) writer.raw(key);
  writer.padTo(HEAD_SIZE_BYTES - MAC_SIZE_BYTES);
  writer.raw(keys.mac('head', writer.bytes.subarray(0, writer.position)));
  return writer.bytes;
}

/** Undefined when `copy` is not an authentic head of a version that we know. */
export function decodeHead(copy: Uint8Array, keys: RecordMacs): Head | undefined {
  if (copy.length !== HEAD_SIZE_BYTES || !keys.isAuthentic('head', copy)) return undefined;
  return readHeadFields(copy);
}

/** The fields without the MAC: for people who have no key (`inspect.ts`), never for opening. */
export function readHeadFields(copy: Uint8Array): Head | undefined {
  const reader = new ByteReader(copy);
  if (reader.text(8) !== MAGIC) return undefined;
  const version = reader.u16();
  const suite = suiteOfCode(reader.u8());
  const flags = reader.u8();
  if (suite === undefined || flags > ENCRYPTED + CLEAN || reader.u32() !== 0) return undefined;
  const { reserved, ...fields } = {
    suite,
    encrypted: (flags & ENCRYPTED) !== 0,
    clean: (flags & CLEAN) !== 0,
    sequence: reader.u64(),
    sizeBytes: reader.u64(),
    tableId: reader.raw(TABLE_ID_SIZE_BYTES),
    tableDigest: reader.raw(32),
    session: reader.raw(16),
    log: { segment: reader.u64(), id: reader.raw(16), slot: reader.u32() },
    reserved: reader.u32(),
    nextSegment: reader.u64(),
    machine: reader.raw(32),
    directoryInode: reader.u64(),
  };
  const idLength = reader.u8();
  const idAt = reader.position;
  const diskId = reader.text(idLength);
  reader.skipTo(idAt + DISK_ID_FIELD_BYTES - 1);
  const wrappedKey = reader.raw(reader.u16());
  const keys = version === 1 ? NO_KEYS : version === VERSION ? readKeys(reader) : undefined;
  return reader.overrun || reserved !== 0 || keys === undefined
    ? undefined
    : { ...fields, diskId, wrappedKey, ...keys };
}

const NO_KEYS = { olderKeys: [], reencryption: undefined };

/** What version 2 adds. */
function readKeys(reader: ByteReader): Pick<Head, 'olderKeys' | 'reencryption'> | undefined {
  reader.skipTo(KEYS_AT);
  const count = reader.u32();
  const state = reader.u32();
  const running: Reencryption = {
    paused: state === PAUSED,
    bytesPerSecond: reader.u64(),
    segments: reader.u64(),
    slots: reader.u64(),
    beganAtMs: reader.u64(),
  };
  const numbers = [running.bytesPerSecond, running.segments, running.slots, running.beganAtMs];
  if (count > OLDER_KEYS_MAX || state > PAUSED || numbers.some(Number.isNaN)) return undefined;
  const olderKeys = Array.from({ length: count }, () => reader.raw(OLDER_KEY_SIZE_BYTES));
  return { olderKeys, reencryption: state === 0 ? undefined : running };
}

/** What the owner of a disk pins of a head. */
export function pinOf(sequence: number, copy: Uint8Array): Pin {
  return { sequence, digest: toHex(createHash('sha256').update(copy).digest()) };
}
