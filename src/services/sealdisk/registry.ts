import type { Action } from '../../api/action.ts';
import type { Logger } from '../../base/log.ts';
import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { DiskKeys } from '../../kms/data-keys.ts';
import type { Database } from '../../metadata/database.ts';
import { DescribeDiskExports } from './actions/DescribeDiskExports.ts';
import { DescribeDiskScrub } from './actions/DescribeDiskScrub.ts';
import { DescribeDiskUsage } from './actions/DescribeDiskUsage.ts';
import { ExportDisk } from './actions/ExportDisk.ts';
import { ExportSnapshot } from './actions/ExportSnapshot.ts';
import { ScrubDisk } from './actions/ScrubDisk.ts';
import { UnexportDisk } from './actions/UnexportDisk.ts';
import type { ExportKeeper } from './export-keeper.ts';

/** Every operation of Sealdisk's own product. */
export function sealdiskActions(deps: {
  readonly exports: ExportKeeper;
  readonly database: Database;
  readonly dataKeys: DiskKeys;
  readonly dataPlane: DataPlane;
  readonly log: Logger;
}): readonly Action[] {
  return [
    ExportDisk(deps),
    UnexportDisk(deps),
    DescribeDiskExports(deps),
    ScrubDisk(deps),
    DescribeDiskScrub(deps),
    ExportSnapshot(deps),
    DescribeDiskUsage(deps),
  ];
}
