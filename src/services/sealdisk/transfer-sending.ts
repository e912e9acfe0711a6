import { ApiError } from '../../api/errors.ts';
import { findDisk } from '../../metadata/disks.ts';
import type { Reader } from '../../metadata/reader.ts';
import { findSnapshot, type Snapshot } from '../../metadata/snapshots.ts';
import { findTransfer, insertTransfer, type Transfer } from '../../metadata/transfers.ts';
import { keyError } from '../ecs/key-errors.ts';
import { missing, unknownSnapshot } from '../ecs/refusals.ts';
import { dataKeyOfSnapshot, openDataKey } from '../ecs/stored-data-key.ts';
import { keyOfStored, makeStreamKey, openStreamKey, storedKey } from './stream-key.ts';
import {
  accessOf,
  newTransfer,
  refuseTooMany,
  takeBackTransfer,
  transferError,
  unknownTransfer,
  type OpenedTransfer,
  type TransferParts,
} from './transfer-parts.ts';

export interface SendRequest {
  readonly accountId: string;
  readonly regionId: string;
  readonly snapshotId: string;
  readonly baseSnapshotId: string | undefined;
  readonly keyId: string | undefined;
  readonly passphrase: string | undefined;
  /** To go on with a transfer that was begun before; it keeps its base and key. */
  readonly transferId: string | undefined;
}

/**
 * Has the disk server offer a snapshot as a stream. Asks KMS for the snapshot's data key and for the stream's key, each
 * time; a stream that is gone on with has the same bytes as before.
 * @throws {ApiError} InvalidSnapshotId.NotFound, InvalidTransferId.NotFound, MissingParameter, key errors of CreateDisk.
 */
export async function openSend(parts: TransferParts, request: SendRequest): Promise<OpenedTransfer> {
  const { database, dataKeys, dataPlane } = parts;
  const known = request.transferId === undefined ? undefined : await ownSend(parts, request, request.transferId);
  const baseSnapshotId = known?.baseSnapshotId ?? request.baseSnapshotId;
  const snapshot = await usableSnapshot(database.read, request, request.snapshotId);
  const base = baseSnapshotId === undefined ? undefined : await usableSnapshot(database.read, request, baseSnapshotId);
  if (base !== undefined && base.sourceDiskId !== snapshot.sourceDiskId)
    throw new ApiError('InvalidBaseSnapshotId', 400, 'The base must be an earlier snapshot of the same disk.');
  if (base !== undefined && base.createdMs > snapshot.createdMs)
    throw new ApiError('InvalidBaseSnapshotId', 400, 'The base must be an earlier snapshot than the one that is sent.');
  using dataKey = await openDataKey(dataKeys, dataKeyOfSnapshot(snapshot)).catch((error: unknown) => {
    throw keyError(error, 'CreateSnapshot');
  });
  if (known === undefined) await refuseTooMany(parts, request);
  using made = known === undefined ? await freshKey(parts, request, snapshot) : await oldKey(parts, request, known);
  const row = made.row;
  if (known === undefined) await database.transact((transaction) => insertTransfer(transaction, row));
  const access = accessOf(parts, row);
  const disk = await findDisk(database.read, snapshot.sourceDiskId);
  try {
    const info = await dataPlane.openSend({
      ...access,
      source: {
        diskId: snapshot.sourceDiskId,
        snapshotId: snapshot.snapshotId,
        baseSnapshotId,
        dataKey,
        pin: (disk?.status === 'Deleting' ? undefined : disk?.pin) ?? snapshot.pin ?? undefined,
        encrypted: snapshot.encrypted,
      },
      stream: {
        streamId: Uint8Array.fromHex(row.streamId),
        suite: row.suite,
        createdMs: row.createdMs,
        key: keyOfStored(row.key),
      },
      streamKey: made.streamKey,
    });
    return { row, info, psk: access.psk };
  } catch (error) {
    access.psk.fill(0);
    if (known === undefined) await takeBackTransfer(parts, row.transferId);
    throw transferError(error);
  }
}

async function ownSend({ database }: TransferParts, request: SendRequest, transferId: string): Promise<Transfer> {
  const row = await findTransfer(database.read, transferId);
  if (row?.accountId !== request.accountId || row.kind !== 'send' || row.snapshotId !== request.snapshotId)
    throw unknownTransfer(transferId);
  if (request.keyId !== undefined || (request.baseSnapshotId ?? row.baseSnapshotId) !== row.baseSnapshotId)
    throw new ApiError(
      'InvalidParameter.TransferId',
      400,
      'A transfer that is gone on with keeps its base and key; give neither KeyId nor another BaseSnapshotId.',
    );
  return row;
}

async function usableSnapshot(reader: Reader, request: SendRequest, snapshotId: string): Promise<Snapshot> {
  const snapshot = await findSnapshot(reader, snapshotId);
  if (snapshot?.accountId !== request.accountId || snapshot.status === 'deleting')
    throw unknownSnapshot(snapshotId, request.regionId);
  if (snapshot.status !== 'accomplished')
    throw new ApiError('InvalidSnapshotId.NotReady', 403, `Snapshot ${snapshotId} is ${snapshot.status}; wait for it.`);
  return snapshot;
}

async function freshKey(parts: TransferParts, request: SendRequest, snapshot: Snapshot) {
  const { accountId, snapshotId, suite } = snapshot;
  const keyId = request.keyId ?? snapshot.kmsKeyId ?? undefined;
  if (request.keyId !== undefined && request.passphrase !== undefined)
    throw new ApiError('InvalidParameter.Passphrase', 400, 'Give KeyId or Passphrase, not both.');
  if (request.passphrase === undefined && keyId === undefined)
    throw missing('KeyId', 'the disk has no KMS key of its own, so give KeyId, or Passphrase');
  const scope = { accountId, regionId: snapshot.regionId };
  const made = await makeStreamKey(parts, { ...scope, keyId, passphrase: request.passphrase, suite });
  const row = newTransfer(parts, {
    ...scope,
    kind: 'send',
    streamId: made.streamId.toHex(),
    suite: made.suite,
    key: storedKey(made.key),
    snapshotId,
    baseSnapshotId: request.baseSnapshotId ?? null,
    diskId: snapshot.sourceDiskId,
  });
  return { ...made, row };
}

async function oldKey(parts: TransferParts, request: SendRequest, row: Transfer) {
  const facts = { streamId: Uint8Array.fromHex(row.streamId), suite: row.suite, key: keyOfStored(row.key) };
  return { ...(await openStreamKey(parts, row, facts, request.passphrase)), row };
}
