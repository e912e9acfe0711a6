import type { EntityOf } from './columns.ts';
import { bytes, integer, json, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** `Open`: bytes are on their way. `Applying`: a disk is made, or changed, of them. `Done`: received. */
export type TransferStatus = 'Open' | 'Applying' | 'Done';

/** A wrapped stream key, byte strings in hex. */
export type StoredStreamKey =
  | { readonly by: 'kms'; readonly kmsKeyId: string; readonly blob: string }
  | {
      readonly by: 'passphrase';
      readonly cost: { readonly n: number; readonly r: number; readonly p: number };
      readonly salt: string;
      readonly sealed: string;
    };

/** What a full stream becomes. */
export interface TransferTarget {
  readonly encrypted: boolean;
  /** Null: the service key. */
  readonly keyId: string | null;
  readonly zoneId: string;
  readonly name: string;
}

export const transfers = new SealedTable(
  'transfers',
  {
    transferId: text(),
    accountId: text(),
    regionId: text(),
    kind: text<'send' | 'receive'>(),
    status: text<TransferStatus>(),
    /** 16 bytes in hex. */
    streamId: text(),
    suite: text<'aes-256-gcm' | 'sm4-gcm'>(),
    key: json<StoredStreamKey>(),
    /** Of a received stream: docs/formats/stream.md, "Header". */
    header: nullable(bytes),
    /** What is sent; or, from `Applying` on, the snapshot that the received state becomes. */
    snapshotId: nullable(text()),
    /** What the stream goes on from: a snapshot of the same server. */
    baseSnapshotId: nullable(text()),
    /** The source; or the disk that the stream is received into, which a full one has from `Applying` on. */
    diskId: nullable(text()),
    target: nullable(json<TransferTarget>()),
    /** Why the last attempt to receive failed. */
    failure: nullable(json<{ readonly code: string; readonly message: string }>()),
    pskIdentity: text(),
    /** The 32-byte secret under `Sealer` context `psk:<transferId>`. */
    pskSealed: bytes,
    createdMs: integer,
    /** It is dropped then, unless it is being applied. */
    expiresMs: integer,
  },
  ['transferId'],
);

export type Transfer = EntityOf<typeof transfers.columns>;

/** The states that disks were received at: what an incremental stream may go on from. */
export const receivedStates = new SealedTable(
  'receivedStates',
  {
    snapshotId: text(),
    accountId: text(),
    diskId: text(),
    /** 32 bytes in hex: docs/formats/stream.md, "Identity of a state". */
    identity: text(),
    sourceDiskId: text(),
    sourceSnapshotId: text(),
    receivedMs: integer,
  },
  ['snapshotId'],
);

export type ReceivedState = EntityOf<typeof receivedStates.columns>;

export const findTransfer = (reader: Reader, transferId: string): Promise<Transfer | undefined> =>
  transfers.find(reader, { transferId });

/** Oldest first. */
export const listTransfers = (
  reader: Reader,
  equals: Partial<Pick<Transfer, 'accountId' | 'regionId' | 'status' | 'streamId'>>,
): Promise<Transfer[]> => transfers.findAll(reader, equals, ['createdMs', 'transferId']);

export const insertTransfer = (transaction: Transaction, transfer: Transfer): Promise<void> =>
  transfers.insert(transaction, transfer);

export const updateTransfer = (
  transaction: Transaction,
  transferId: string,
  changes: Partial<Omit<Transfer, 'transferId'>>,
): Promise<Transfer> => transfers.update(transaction, { transferId }, changes);

export const deleteTransfer = (transaction: Transaction, transferId: string): Promise<number> =>
  transfers.delete(transaction, { transferId });

export const insertReceivedState = (transaction: Transaction, state: ReceivedState): Promise<void> =>
  receivedStates.insert(transaction, state);

export const findReceivedStates = (
  reader: Reader,
  equals: Pick<ReceivedState, 'accountId' | 'identity'>,
): Promise<ReceivedState[]> => receivedStates.findAll(reader, equals, ['receivedMs', 'snapshotId']);
