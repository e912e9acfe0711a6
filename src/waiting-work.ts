/** Everything of the control plane that waits for a time, for the one scheduler that wakes it. */
import type { AuditLog } from './audit/audit-log.ts';
import type { Clock } from './base/clock.ts';
import type { Logger } from './base/log.ts';
import type { WaitingWork } from './base/scheduler.ts';
import type { DataPlane } from './dataplane/data-plane.ts';
import type { Kms } from './kms/kms.ts';
import type { Database } from './metadata/database.ts';
import type { DiskRotations } from './services/ecs/disk-rotations.ts';
import type { ImageFileWork } from './services/ecs/images/image-file-work.ts';
import type { ImageCopies } from './services/ecs/images/image-copies.ts';
import type { Resealing } from './root/resealing.ts';
import { finishRemovals } from './services/ecs/reconcile.ts';
import { deleteExpiredSnapshots } from './services/ecs/snapshot-retention.ts';
import type { ExportKeeper } from './services/sealdisk/export-keeper.ts';

export interface WaitingParts {
  readonly clock: Clock;
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly exports: ExportKeeper;
  readonly kms: Kms;
  readonly audit: AuditLog;
  /** After how many days files of the audit log go; undefined for never. */
  readonly keepDays: number | undefined;
  readonly rotations: DiskRotations;
  readonly imageCopies: ImageCopies;
  readonly imageFiles: { readonly work: ImageFileWork };
  readonly resealing: Resealing;
  readonly log: Logger;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** By name, in the order in which it is done. */
export function waitingWork(parts: WaitingParts): Readonly<Record<string, WaitingWork>> {
  const { clock, exports, kms, audit, keepDays, resealing, log } = parts;
  return {
    'destroying keys': async () => {
      for (const keyId of await kms.destruction.destroyDue()) {
        log.info({ keyId }, 'a key was destroyed');
        await audit.recordAct('DestroyKey', { keyId });
      }
      return kms.destruction.nextDueMs();
    },
    'sealing anew what earlier store keys sealed': atEveryLook(() => resealing.run()),
    'rotating keys': () => kms.versions.rotateDue(),
    'expiring imported material': () => kms.importedMaterial.expireDue(),
    'deleting expired snapshots': atEveryLook(() => deleteExpiredSnapshots(parts, clock.nowMs())),
    'pruning the audit log': atEveryLook(async () => {
      if (keepDays !== undefined) await audit.prune(clock.nowMs() - keepDays * DAY_MS);
    }),
    'finishing removals': atEveryLook(() => finishRemovals(parts)),
    // A close that a hung disk server carried out after its caller had given up leaves an export that nobody serves.
    'reopening exports': atEveryLook(() => exports.reopenAll()),
    'reading and writing image files': atEveryLook(async () => parts.imageFiles.work.wake()),
    'copying images': atEveryLook(async () => parts.imageCopies.wake()),
    'sealing disks anew': atEveryLook(() => parts.rotations.keepGoing()),
  };
}

/** Work whose time nobody knows beforehand. */
function atEveryLook(work: () => Promise<unknown>): WaitingWork {
  return async () => {
    await work();
    return undefined;
  };
}
