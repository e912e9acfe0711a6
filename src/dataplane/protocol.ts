/**
 * Messages between the control plane and a disk server, over a private Unix socket. PURE: bytes in, values out.
 *
 *   u32be total length of what follows | u32be length of the JSON | JSON | binary fields, one after the other
 *
 * In the JSON a binary field stands as {"$bin": length}; binary fields follow in the order of their appearance.
 * Data keys travel only as binary fields, so that they are never part of a string that cannot be wiped.
 */
import type { ErrorKind } from '../base/errors.ts';
import { SystemError } from '../base/errors.ts';
import { wipeableBytes } from '../base/wipeable-bytes.ts';
import type { SnapshotFates } from '../block/delete-disk.ts';
import type { Pin } from '../block/format/pin.ts';
import type {
  ContinueReencryption,
  DataKey,
  DiskIdentity,
  DiskStatistics,
  DiskUsage,
  ExportInfo,
  OpenExport,
  OpenSnapshotExport,
  ReencryptionState,
  RotateDataKey,
  ScrubState,
  SettleDataKey,
  StartScrub,
} from './data-plane.ts';
import type { ApplyStream, OpenReceive, OpenSend, TransferInfo } from './transfers.ts';

/** Raised when a message changes its meaning; both sides refuse another version. */
export const PROTOCOL_VERSION = 3;

/** No message carries disk contents, so a longer one is not ours. */
export const MESSAGE_SIZE_BYTES_MAX = 4 * 1024 * 1024;

/** What a disk server says first on every connection. */
export interface Hello {
  readonly protocol: number;
  /** Version of the program. */
  readonly version: string;
  readonly dataDirectory: string;
  /** Where TCP clients connect, `host:port`. */
  readonly nbdAddress: string;
  readonly pid: number;
  readonly bootId: string;
}

/** Method → parameters and result. */
export interface Methods {
  ping: { params: Record<string, never>; result: Record<string, never> };
  createDisk: { params: { disk: DiskIdentity; dataKey: DataKey }; result: { pin: Pin } };
  cloneDisk: {
    params: {
      source: { diskId: string; snapshotId: string; dataKey: DataKey; pin: Pin | undefined };
      disk: DiskIdentity;
      dataKey: DataKey;
      independent: boolean;
    };
    result: { pin: Pin };
  };
  rotateDataKey: { params: RotateDataKey; result: { pin: Pin } };
  rewrapDataKey: {
    params: { diskId: string; wrappedKey: Uint8Array; dataKey: DataKey; pin: Pin | undefined };
    result: { pin: Pin };
  };
  settleDataKey: { params: SettleDataKey; result: { state: ReencryptionState } };
  continueReencryption: { params: ContinueReencryption; result: { state: ReencryptionState | undefined } };
  deleteDisk: { params: { diskId: string; snapshots: SnapshotFates }; result: Record<string, never> };
  createSnapshot: {
    params: { diskId: string; snapshotId: string; dataKey: DataKey; pin: Pin | undefined };
    result: { pin: Pin };
  };
  deleteSnapshot: { params: { diskId: string; snapshotId: string }; result: Record<string, never> };
  growDisk: {
    params: { diskId: string; sizeBytes: number; dataKey: DataKey; pin: Pin | undefined };
    result: { pin: Pin };
  };
  measureUsage: { params: { diskId: string; dataKey: DataKey; pin: Pin | undefined }; result: { usage: DiskUsage } };
  openExport: { params: OpenExport; result: { info: ExportInfo } };
  openSnapshotExport: { params: OpenSnapshotExport; result: { info: ExportInfo } };
  closeExport: { params: { exportId: string; force: boolean }; result: { pin: Pin | undefined } };
  /** What an open disk has done since it was opened: for measurements, not for decisions. */
  diskStatistics: { params: { diskId: string }; result: { statistics: DiskStatistics } };
  listExports: { params: Record<string, never>; result: { exports: readonly ExportInfo[] } };
  startScrub: { params: StartScrub; result: { scrub: ScrubState } };
  describeScrub: { params: { diskId: string }; result: { scrub: ScrubState | undefined } };
  openSend: { params: OpenSend; result: { info: TransferInfo } };
  openReceive: { params: OpenReceive; result: { info: TransferInfo } };
  applyStream: { params: ApplyStream; result: { info: TransferInfo } };
  listTransfers: { params: Record<string, never>; result: { transfers: readonly TransferInfo[] } };
  closeTransfer: { params: { transferId: string; discard: boolean }; result: Record<string, never> };
  /** Closes every disk and ends the server; answers what each disk is pinned at. */
  shutdown: { params: Record<string, never>; result: { pins: readonly { diskId: string; pin: Pin }[] } };
}

export type Method = keyof Methods;

export interface Request<M extends Method = Method> {
  readonly id: number;
  readonly method: M;
  readonly params: Methods[M]['params'];
}

export type Reply =
  | { readonly id: number; readonly result: object }
  | {
      readonly id: number;
      readonly error: { readonly kind: ErrorKind; readonly code: string; readonly message: string };
    };

/** Something that a disk server tells without being asked. */
export type Event = { readonly event: 'pin'; readonly diskId: string; readonly pin: Pin };

/** The bytes of one message. The caller wipes them after sending when they carry a key. */
export function encodeMessage(value: object): Uint8Array {
  const binaries: Uint8Array[] = [];
  const json = Buffer.from(
    JSON.stringify(value, function (this: Record<string, unknown>, name, converted: unknown) {
      // A Buffer converts itself to text before it comes here, so look at what stands in the object.
      const field = this[name];
      if (!(field instanceof Uint8Array)) return converted;
      binaries.push(field);
      return { $bin: field.length };
    }),
  );
  const total = 4 + json.length + binaries.reduce((sum, binary) => sum + binary.length, 0);
  const message = Buffer.alloc(4 + total);
  message.writeUInt32BE(total, 0);
  message.writeUInt32BE(json.length, 4);
  json.copy(message, 8);
  let at = 8 + json.length;
  for (const binary of binaries) {
    message.set(binary, at);
    at += binary.length;
  }
  return message;
}

function decodeMessage(body: Buffer): object {
  const jsonLength = body.readUInt32BE(0);
  if (jsonLength > body.length - 4)
    throw new SystemError('invalid', 'BAD_MESSAGE', 'a message ends before its text does');
  const text = body.toString('utf8', 4, 4 + jsonLength);
  let value: unknown;
  try {
    value = parseWithBinaries(text, body, 4 + jsonLength);
  } catch (error) {
    if (error instanceof SystemError) throw error;
    throw new SystemError('invalid', 'BAD_MESSAGE', 'the text of a message is not JSON');
  }
  if (typeof value !== 'object' || value === null)
    throw new SystemError('invalid', 'BAD_MESSAGE', 'a message is not an object');
  return value;
}

/** @param from where the binary fields begin in `body`. */
function parseWithBinaries(text: string, body: Buffer, from: number): unknown {
  let at = from;
  return JSON.parse(text, (_key, field: unknown) => {
    if (typeof field !== 'object' || field === null || !('$bin' in field)) return field;
    const length = Number(field.$bin);
    if (!Number.isSafeInteger(length) || length < 0 || length > body.length - at) {
      throw new SystemError('invalid', 'BAD_MESSAGE', 'a message ends before its binary fields do');
    }
    const binary = wipeableBytes(length);
    binary.set(body.subarray(at, at + length));
    at += length;
    return binary;
  });
}

/** Cuts a byte stream into messages. Wipes every byte that it was given, since messages carry keys. */
export class MessageReader {
  #pending: Buffer = Buffer.alloc(0);

  /**
   * @param chunk zeroed on return.
   * @throws {SystemError} kind `invalid`: the peer does not speak this protocol; the connection is of no more use.
   */
  push(chunk: Uint8Array): object[] {
    const joined = Buffer.alloc(this.#pending.length + chunk.length);
    joined.set(this.#pending);
    joined.set(chunk, this.#pending.length);
    this.#pending.fill(0);
    chunk.fill(0);

    const messages: object[] = [];
    let at = 0;
    while (joined.length - at >= 4) {
      const total = joined.readUInt32BE(at);
      if (total < 4 || total > MESSAGE_SIZE_BYTES_MAX) {
        throw new SystemError('invalid', 'BAD_MESSAGE', `a message of ${total} bytes is not one of ours`);
      }
      if (joined.length - at - 4 < total) break;
      messages.push(decodeMessage(joined.subarray(at + 4, at + 4 + total)));
      at += 4 + total;
    }
    this.#pending = Buffer.from(joined.subarray(at));
    joined.fill(0);
    return messages;
  }
}
