import type { SnapshotExport } from '../../metadata/snapshot-exports.ts';
import type { ListedExport } from './export-keeper.ts';
import { isOfSnapshot } from './export-rows.ts';
import { tcpUri, unixUri } from './export-uris.ts';

/**
 * An export as the API answers it, without its secret.
 * @param address where TCP clients connect, `host:port`.
 */
export function exportView({ row, info, status }: ListedExport, address: string) {
  return {
    ExportId: row.exportId,
    DiskId: row.diskId,
    ExportName: row.name,
    ...(isOfSnapshot(row) ? snapshotOf(row) : { ReadOnly: row.readOnly }),
    Uri: tcpUri(address, row.pskIdentity, row.name),
    // Where the socket is, only the disk server knows; while it does not serve the export there is none.
    UnixUri: info === undefined ? '' : unixUri(info.socketPath, row.name),
    PskIdentity: row.pskIdentity,
    Status: status,
  };
}

function snapshotOf({ snapshotId, baseSnapshotId }: SnapshotExport) {
  const base = baseSnapshotId === null ? {} : { BaseSnapshotId: baseSnapshotId };
  return { SnapshotId: snapshotId, ...base, ReadOnly: true };
}
