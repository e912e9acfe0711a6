import { assert } from '../../base/assert.ts';
import { randomId } from '../../base/random.ts';
import type { PassphraseKeys } from '../../kms/passphrase-keys.ts';
import type { Transfer } from '../../metadata/transfers.ts';
import type { TransferInfo } from '../../dataplane/transfers.ts';
import { ApiError } from '../../api/errors.ts';
import { messageOf, SystemError } from '../../base/errors.ts';
import { deleteTransfer, listTransfers } from '../../metadata/transfers.ts';
import { dataPlaneError } from '../ecs/data-plane-errors.ts';
import { findRegion } from '../ecs/regions.ts';
import { mintId } from '../ecs/resource-ids.ts';
import type { ExportParts } from './dependencies.ts';
import { PSK_SIZE_BYTES } from './export-identity.ts';

/** What transfers are kept with. */
export type TransferParts = Pick<
  ExportParts,
  'database' | 'dataPlane' | 'dataKeys' | 'sealer' | 'clock' | 'random' | 'log'
> & {
  readonly passphrases: PassphraseKeys;
};

/** A transfer that clients can reach. */
export interface OpenedTransfer {
  readonly row: Transfer;
  readonly info: TransferInfo;
  /** 32 bytes, wiped by the receiver. */
  readonly psk: Uint8Array;
}

/** An interrupted transfer can be gone on with for this long. */
const LIFETIME_MS = 24 * 60 * 60 * 1000;
/** Of one account and region; each open one costs the disk server a few MiB. */
const TRANSFERS_MAX = 64;

export type NewTransfer = Pick<Transfer, 'accountId' | 'regionId' | 'kind' | 'streamId' | 'suite' | 'key'> &
  Partial<Pick<Transfer, 'header' | 'snapshotId' | 'baseSnapshotId' | 'diskId' | 'target'>>;

export function newTransfer({ random, sealer, clock }: TransferParts, facts: NewTransfer): Transfer {
  const region = findRegion(facts.regionId);
  assert(region !== undefined, 'the region was checked');
  const transferId = mintId(random, 't', region);
  const psk = random.bytes(PSK_SIZE_BYTES);
  const pskSealed = sealer.seal(`psk:${transferId}`, psk);
  psk.fill(0);
  const createdMs = clock.nowMs();
  return {
    header: null,
    snapshotId: null,
    baseSnapshotId: null,
    diskId: null,
    target: null,
    ...facts,
    transferId,
    status: 'Open',
    failure: null,
    pskIdentity: `psk-${randomId(random, 20)}`,
    pskSealed,
    createdMs,
    expiresMs: createdMs + LIFETIME_MS,
  };
}

/** The name, identity and secret under which a client reaches the transfer; the secret is the caller's to wipe. */
export function accessOf({ sealer }: TransferParts, { transferId, pskIdentity, pskSealed }: Transfer) {
  return { transferId, name: transferId, pskIdentity, psk: sealer.open(`psk:${transferId}`, pskSealed) };
}

export async function refuseTooMany(
  { database }: TransferParts,
  scope: Pick<Transfer, 'accountId' | 'regionId'>,
): Promise<void> {
  const { accountId, regionId } = scope;
  if ((await listTransfers(database.read, { accountId, regionId })).length < TRANSFERS_MAX) return;
  throw new ApiError(
    'QuotaExceed.Transfer',
    403,
    `There are ${TRANSFERS_MAX} transfers in this region; cancel some first (DescribeTransfers lists them).`,
  );
}

/** Ends a transfer and removes what it has received. Answers false when that has to be tried again. Never throws. */
export async function dropTransfer({ database, dataPlane, log }: TransferParts, transferId: string): Promise<boolean> {
  try {
    await dataPlane.closeTransfer(transferId, { discard: true });
    await database.transact((transaction) => deleteTransfer(transaction, transferId));
    return true;
  } catch (error) {
    log.warn({ transferId, reason: messageOf(error) }, 'a transfer could not be dropped yet; it will be tried again');
    return false;
  }
}

/**
 * Takes back a transfer of which nobody was told. What a disk server that did not answer may have opened is closed by
 * `TransferKeeper.settle`.
 */
export async function takeBackTransfer({ database, dataPlane }: TransferParts, transferId: string): Promise<void> {
  await database.transact((transaction) => deleteTransfer(transaction, transferId));
  await dataPlane.closeTransfer(transferId, { discard: true }).catch(() => undefined);
}

export function unknownTransfer(transferId: string): ApiError {
  return new ApiError('InvalidTransferId.NotFound', 404, `There is no transfer ${transferId} in this account.`);
}

/** What the operations on streams answer when the disk server refuses. */
export function transferError(error: unknown): unknown {
  if (!(error instanceof SystemError)) return error;
  const cause = { cause: error };
  switch (error.code) {
    case 'STREAM_KEY_WRONG':
      return new ApiError('InvalidStream.WrongKey', 403, error.message, cause);
    case 'NOT_A_STREAM':
    case 'STREAM_TOO_NEW':
    case 'STREAM_DAMAGED':
    case 'STREAM_MALFORMED':
      return new ApiError('InvalidStream.Malformed', 400, error.message, cause);
    case 'OTHER_STREAM':
    case 'STREAM_INCOMPLETE':
      return new ApiError('IncorrectTransferStatus', 403, `The transfer cannot go on: ${error.message}.`, cause);
    case 'SNAPSHOT_NOT_FOUND':
      return new ApiError('InvalidSnapshotId.NotFound', 404, `The snapshot is gone: ${error.message}.`, cause);
    default:
      return dataPlaneError(error, { noSpace: { code: 'OperationDenied', httpStatus: 403 } });
  }
}
