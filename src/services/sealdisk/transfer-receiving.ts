import { ApiError } from '../../api/errors.ts';
import { GiB } from '../../base/units.ts';
import { findDiskEncryptionDefault } from '../../metadata/disk-encryption-defaults.ts';
import { findDisk } from '../../metadata/disks.ts';
import { findSnapshot } from '../../metadata/snapshots.ts';
import {
  findReceivedStates,
  insertTransfer,
  listTransfers,
  type Transfer,
  type TransferTarget,
} from '../../metadata/transfers.ts';
import { unencryptedRefused } from '../ecs/default-encryption.ts';
import { checkedName } from '../ecs/resource-text.ts';
import { findRegion } from '../ecs/regions.ts';
import { missing, unknownDisk, unknownRegion, unknownZone } from '../ecs/refusals.ts';
import { decodeHeader, type StreamHeader } from '../../stream/stream-header.ts';
import { openStreamKey, storedKey } from './stream-key.ts';
import {
  accessOf,
  newTransfer,
  refuseTooMany,
  takeBackTransfer,
  transferError,
  type OpenedTransfer,
  type TransferParts,
} from './transfer-parts.ts';

export interface ReceiveRequest {
  readonly accountId: string;
  readonly regionId: string;
  /** The first 4 KiB of the stream. */
  readonly header: Uint8Array;
  readonly passphrase: string | undefined;
  /** Of an incremental stream, if its base alone does not say it. */
  readonly diskId: string | undefined;
  /** Of the disk that a full stream becomes. */
  readonly keyId: string | undefined;
  readonly encrypted: boolean | undefined;
  readonly zoneId: string | undefined;
  readonly name: string | undefined;
}

/**
 * Has the disk server take a stream. The same stream again goes on where it was, as it was asked for the first time.
 * The key is asked for at once, so that nobody sends a stream that could not be opened.
 * @throws {ApiError} InvalidStream.Malformed, InvalidStream.WrongKey, InvalidStream.NoBase, InvalidDiskId.NotFound, …
 */
export async function openReceive(parts: TransferParts, request: ReceiveRequest): Promise<OpenedTransfer> {
  const { database } = parts;
  const header = decoded(request.header);
  using opened = await openStreamKey(parts, request, header, request.passphrase);
  const begun = await listTransfers(database.read, {
    accountId: request.accountId,
    regionId: request.regionId,
    streamId: header.streamId.toHex(),
  });
  const known = begun.find(({ kind, status }) => kind === 'receive' && status !== 'Done');
  const row = known ?? (await newReceive(parts, request, header));
  if (known === undefined) await database.transact((transaction) => insertTransfer(transaction, row));
  const access = accessOf(parts, row);
  try {
    const info = await parts.dataPlane.openReceive({
      ...access,
      header: request.header,
      streamKey: opened.streamKey,
    });
    return { row, info, psk: access.psk };
  } catch (error) {
    access.psk.fill(0);
    // A header that is not authentic leaves nothing behind.
    if (known === undefined) await takeBackTransfer(parts, row.transferId);
    throw transferError(error);
  }
}

/** @throws {ApiError} InvalidStream.Malformed. */
export function decoded(bytes: Uint8Array): StreamHeader {
  try {
    const header = decodeHeader(bytes);
    if (header.diskSizeBytes % GiB === 0) return header;
  } catch (error) {
    throw transferError(error);
  }
  throw new ApiError('InvalidStream.Malformed', 400, 'The disk in the stream is not a whole number of GiB.');
}

async function newReceive(parts: TransferParts, request: ReceiveRequest, header: StreamHeader): Promise<Transfer> {
  await refuseTooMany(parts, request);
  const { accountId, regionId } = request;
  const facts = {
    accountId,
    regionId,
    kind: 'receive' as const,
    streamId: header.streamId.toHex(),
    suite: header.suite,
    key: storedKey(header.key),
    header: request.header,
  };
  if (header.base === undefined)
    return newTransfer(parts, { ...facts, target: await targetOf(parts, request, header) });
  if (request.keyId !== undefined || request.encrypted !== undefined)
    throw new ApiError('InvalidParameter.KeyId', 400, 'An incremental stream changes a disk that has a key already.');
  return newTransfer(parts, { ...facts, ...(await baseOf(parts, request, header.base.identity)) });
}

/** A state that a disk was received in, and still has as a snapshot. */
interface Base {
  readonly diskId: string;
  readonly baseSnapshotId: string;
}

/** The ids of the disks that a stream may change. None: it becomes a new disk, or cannot be received. */
export async function disksToChange(
  parts: TransferParts,
  owner: Pick<ReceiveRequest, 'accountId' | 'regionId'>,
  header: Uint8Array,
): Promise<readonly string[]> {
  let base: StreamHeader['base'];
  try {
    ({ base } = decodeHeader(header));
  } catch {
    return [];
  }
  const found = base === undefined ? [] : await basesOf(parts, owner, base.identity);
  return [...new Set(found.map(({ diskId }) => diskId))];
}

/** Where the received state is that the stream goes on from. */
async function baseOf(parts: TransferParts, request: ReceiveRequest, identity: Uint8Array): Promise<Base> {
  const { database } = parts;
  const { accountId, diskId } = request;
  const found = await basesOf(parts, request, identity);
  if (diskId !== undefined) {
    const disk = await findDisk(database.read, diskId);
    if (disk?.accountId !== accountId || disk.status === 'Deleting') throw unknownDisk(diskId);
  }
  const fitting = diskId === undefined ? found : found.filter((state) => state.diskId === diskId);
  const [only] = fitting;
  if (only === undefined)
    throw new ApiError(
      'InvalidStream.NoBase',
      403,
      `${diskId === undefined ? 'No disk' : `Disk ${diskId}`} has a received snapshot that this stream goes on from; receive the stream before it first, or a full one.`,
    );
  if (fitting.some((state) => state.diskId !== only.diskId))
    throw missing('DiskId', `the stream fits ${fitting.map((state) => state.diskId).join(' and ')}`);
  return only;
}

async function basesOf(
  { database }: TransferParts,
  { accountId, regionId }: Pick<ReceiveRequest, 'accountId' | 'regionId'>,
  identity: Uint8Array,
): Promise<readonly Base[]> {
  const found: Base[] = [];
  for (const state of await findReceivedStates(database.read, { accountId, identity: identity.toHex() })) {
    const snapshot = await findSnapshot(database.read, state.snapshotId);
    const disk = await findDisk(database.read, state.diskId);
    if (snapshot?.status === 'accomplished' && disk !== undefined && disk.status !== 'Deleting')
      if (disk.regionId === regionId) found.push({ diskId: state.diskId, baseSnapshotId: state.snapshotId });
  }
  return found;
}

async function targetOf(
  { database }: TransferParts,
  request: ReceiveRequest,
  header: StreamHeader,
): Promise<TransferTarget> {
  const region = findRegion(request.regionId);
  if (region === undefined) throw unknownRegion(request.regionId);
  if (request.diskId !== undefined)
    throw new ApiError('InvalidParameter.DiskId', 400, 'A full stream becomes a new disk; leave DiskId out.');
  const zoneId = request.zoneId ?? region.zoneIds[0] ?? '';
  if (!region.zoneIds.includes(zoneId)) throw unknownZone(zoneId, region.regionId, 404);
  if (request.encrypted === false && request.keyId !== undefined)
    throw new ApiError('InvalidParameter.KeyId', 400, 'KeyId makes an encrypted disk; leave it out, or Encrypted.');
  if (request.encrypted === false && (await findDiskEncryptionDefault(database.read, request)) !== undefined)
    throw unencryptedRefused(region.regionId);
  return {
    encrypted: request.keyId !== undefined || (request.encrypted ?? header.encrypted),
    keyId: request.keyId ?? null,
    zoneId,
    name: checkedName('DiskName', request.name, { code: 'InvalidDiskName.Malformed', httpStatus: 400 }),
  };
}
