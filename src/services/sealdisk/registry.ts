import type { Action } from '../../api/action.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { DataKeys } from '../ecs/stored-data-key.ts';
import type { Database } from '../../metadata/database.ts';
import type { PolicyAuthorizer } from '../../ram/authorizer.ts';
import { CancelTransfer } from './actions/CancelTransfer.ts';
import { DescribeDiskExports } from './actions/DescribeDiskExports.ts';
import { DescribeDiskScrub } from './actions/DescribeDiskScrub.ts';
import { DescribeImageSharing } from './actions/DescribeImageSharing.ts';
import { DescribeDiskUsage } from './actions/DescribeDiskUsage.ts';
import { ExportSnapshot } from './actions/ExportSnapshot.ts';
import { DescribeTransfers } from './actions/DescribeTransfers.ts';
import { ExportDisk } from './actions/ExportDisk.ts';
import { FinishReceive } from './actions/FinishReceive.ts';
import { RevokeRoleSessions } from './actions/RevokeRoleSessions.ts';
import { DescribeDiskReencryption } from './actions/DescribeDiskReencryption.ts';
import { ModifyDiskReencryption } from './actions/ModifyDiskReencryption.ts';
import { RewrapDiskDataKey } from './actions/RewrapDiskDataKey.ts';
import { RotateDiskDataKey } from './actions/RotateDiskDataKey.ts';
import { ScrubDisk } from './actions/ScrubDisk.ts';
import { SimulatePrincipalPolicy } from './actions/SimulatePrincipalPolicy.ts';
import { StartReceive } from './actions/StartReceive.ts';
import { StartSnapshotSend } from './actions/StartSnapshotSend.ts';
import { UnexportDisk } from './actions/UnexportDisk.ts';
import type { DiskRotations } from '../ecs/disk-rotations.ts';
import type { ExportKeeper } from './export-keeper.ts';
import type { TransferKeeper } from './transfer-keeper.ts';

/** Every operation of Sealdisk's own product. */
export function sealdiskActions(deps: {
  readonly exports: ExportKeeper;
  readonly transfers: TransferKeeper;
  readonly database: Database;
  readonly dataKeys: DataKeys;
  readonly dataPlane: DataPlane;
  readonly rotations: DiskRotations;
  readonly log: Logger;
  readonly authorizer: PolicyAuthorizer;
  readonly clock: Clock;
}): readonly Action[] {
  return [
    ExportDisk(deps),
    UnexportDisk(deps),
    DescribeDiskExports(deps),
    ScrubDisk(deps),
    DescribeDiskScrub(deps),
    ExportSnapshot(deps),
    DescribeDiskUsage(deps),
    DescribeImageSharing(deps),
    StartSnapshotSend(deps),
    StartReceive(deps),
    FinishReceive(deps),
    CancelTransfer(deps),
    DescribeTransfers(deps),
    SimulatePrincipalPolicy(deps),
    RevokeRoleSessions(deps),
    RotateDiskDataKey(deps),
    RewrapDiskDataKey(deps),
    ModifyDiskReencryption(deps),
    DescribeDiskReencryption(deps),
  ];
}
