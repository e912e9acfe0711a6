import { isoSeconds } from '../../base/clock.ts';
import { decodeHeader, streamBytes } from '../../stream/stream-header.ts';
import { tcpUri, unixUri } from './export-uris.ts';
import type { ListedTransfer } from './transfer-keeper.ts';
import type { OpenedTransfer } from './transfer-parts.ts';

/** A transfer as the API answers it, without its secret. */
export function transferView({ row, info }: ListedTransfer) {
  return {
    TransferId: row.transferId,
    Kind: row.kind === 'send' ? 'Send' : 'Receive',
    Status: row.status,
    // What a transfer in status Applying is at: everything is verified before anything is applied.
    Phase: info?.state ?? '',
    DiskId: row.diskId ?? '',
    SnapshotId: row.snapshotId ?? '',
    BaseSnapshotId: row.baseSnapshotId ?? '',
    StreamBytes: row.header === null ? (info?.sizeBytes ?? 0) : streamBytes(decodeHeader(row.header)),
    DurableBytes: info?.durableBytes ?? 0,
    DoneBytes: info?.doneBytes ?? 0,
    // What the disk server failed at counts when it has been dealt with: until then the disk is not taken back.
    ErrorCode: row.failure?.code ?? '',
    ErrorMessage: row.failure?.message ?? '',
    CreationTime: isoSeconds(row.createdMs),
    ExpiredTime: isoSeconds(row.expiresMs),
  };
}

/**
 * How a client reaches an opened transfer; wipes the secret that it tells.
 * @param address where TCP clients connect, `host:port`.
 */
export function openedView({ row, info, psk }: OpenedTransfer, address: string) {
  const secret = psk.toHex();
  psk.fill(0);
  return {
    TransferId: row.transferId,
    ExportName: info.name,
    StreamBytes: info.sizeBytes,
    Uri: tcpUri(address, row.pskIdentity, info.name),
    UnixUri: unixUri(info.socketPath, info.name),
    PskIdentity: row.pskIdentity,
    Psk: secret,
  };
}
