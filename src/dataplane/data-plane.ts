import type { SnapshotFates } from '../block/delete-disk.ts';
import type { DiskStatistics } from '../block/state/disk-work.ts';
import type { DataKey } from '../block/keys/data-key.ts';
import type { DiskIdentity } from '../block/format/head-format.ts';
import type { Pin } from '../block/format/pin.ts';
import type { ScrubProgress } from '../block/scrub/scrub.ts';
import type { ScrubReport } from '../block/scrub/scrub-report.ts';
import type { DiskUsage } from '../block/views/usage.ts';
import type { ReencryptionProgress } from '../block/reencrypt/reencryption.ts';
import type { Rotation } from '../block/reencrypt/rotation.ts';
import type { Transfers } from './transfers.ts';

export type {
  DataKey,
  DiskIdentity,
  DiskStatistics,
  DiskUsage,
  Pin,
  ReencryptionProgress,
  Rotation,
  ScrubReport,
  SnapshotFates,
};

export type ExportStatus = 'Serving' | 'Reopening' | 'KeyUnavailable' | 'Quarantined';

/** How NBD clients reach an open disk. `psk` is 32 bytes and stays the caller's. */
export interface ExportAccess {
  readonly exportId: string;
  readonly diskId: string;
  readonly name: string;
  readonly readOnly: boolean;
  readonly pskIdentity: string;
  readonly psk: Uint8Array;
}

export interface OpenExport extends ExportAccess {
  readonly dataKey: DataKey;
  readonly pin: Pin | undefined;
  /** Accept a disk that was left open on another machine or in another directory. */
  readonly adopt?: boolean;
  /** With `readOnly`: open a disk whose log is damaged although it was flushed, as it was before the damage. */
  readonly salvage?: boolean;
  /**
   * Open only if the disk's last holder closed it in order, else refuse with kind `conflict`, code `DISK_NOT_CLEAN`.
   * Set for an export that comes back after a reboot of the machine: acknowledged writes may have vanished, so that the
   * export must not come back under the identity that its clients know (decisions H, "Exports across restarts").
   */
  readonly expectClean?: boolean;
}

/** A snapshot for NBD clients, which only read. `diskId` names the disk that it was taken of, deleted or not. */
export interface OpenSnapshotExport extends ExportAccess {
  readonly snapshotId: string;
  /** An older snapshot of the same disk: what differs from it is a bitmap under its id. */
  readonly baseSnapshotId: string | undefined;
  /** Of the disk that the snapshots were taken of. */
  readonly dataKey: DataKey;
  readonly pin: Pin | undefined;
}

/** Code of the refusal that `OpenExport.expectClean` asks for. */
export const DISK_NOT_CLEAN = 'DISK_NOT_CLEAN';

export interface ExportInfo {
  readonly exportId: string;
  readonly diskId: string;
  readonly name: string;
  readonly socketPath: string;
  readonly connections: number;
  /** What a salvage left out, in one sentence. */
  readonly lost?: string;
  readonly status: 'Serving' | 'Quarantined';
  readonly reason?: string;
}

/** A scrub that runs, or the last one of a disk. The disk server forgets it when it ends. */
export interface ScrubState {
  readonly status: 'Running' | 'Finished' | 'Stopped' | 'Failed';
  readonly startedMs: number;
  readonly endedMs?: number;
  readonly progress: ScrubProgress;
  /** Once it is finished. */
  readonly report?: ScrubReport;
  /** Why it was stopped or failed. */
  readonly reason?: string;
}

export interface StartScrub {
  readonly diskId: string;
  /** Bytes read in a second at most. */
  readonly rateBytes: number;
  /** Undefined when nobody may have the key: then only checksums are compared, of a disk that is not open. */
  readonly dataKey: DataKey | undefined;
  readonly pin: Pin | undefined;
}

export interface RotateDataKey {
  readonly diskId: string;
  readonly dataKey: DataKey;
  readonly pin: Pin | undefined;
  readonly next: Rotation;
}

/** Keys that may be a disk's, where a change of its data key was cut short. An open disk needs none. */
export interface SettleDataKey {
  readonly diskId: string;
  readonly dataKeys: readonly DataKey[];
  readonly pin: Pin | undefined;
}

export interface ContinueReencryption {
  readonly diskId: string;
  /**
   * Keys that may be the disk's, for one that is not open: with them it is opened until all is done or somebody else wants
   * it. With none, only a disk that is open anyway answers.
   */
  readonly dataKeys: readonly DataKey[];
  readonly pin: Pin | undefined;
  readonly paused?: boolean;
  /** 0: no limit. */
  readonly bytesPerSecond?: number;
}

/** What a disk's head says of its data key, and how far everything is sealed under it. */
export interface ReencryptionState {
  readonly wrappedKey: Uint8Array;
  /** Undefined when everything is. */
  readonly progress: ReencryptionProgress | undefined;
  readonly pin: Pin;
}

/**
 * The control plane's view of a disk server. Everything that needs the server fails with
 * SystemError kind `unavailable` within 10 s when it is hung or gone.
 * Errors of the engine pass through with their kind: `no-space`, `corrupt`, `rolled-back`, `conflict`, `not-found`.
 */
export interface DataPlane extends Transfers {
  /** Where TCP clients connect, `host:port`. */
  readonly nbdAddress: string;
  /** Makes an empty disk, durably, or nothing. */
  createDisk(disk: DiskIdentity, dataKey: DataKey): Promise<Pin>;
  /** Makes a disk from a snapshot without copying data; the new disk lives on whatever happens to its source. */
  cloneDisk(
    source: {
      readonly diskId: string;
      readonly snapshotId: string;
      readonly dataKey: DataKey;
      readonly pin: Pin | undefined;
    },
    disk: DiskIdentity,
    dataKey: DataKey,
    /** What the two share is sealed anew when the new disk is open for writing: then no key of the source opens it. */
    options?: { readonly independent: boolean },
  ): Promise<Pin>;
  /**
   * Gives a disk, open or closed, another data key. From its answer on everything that is written is sealed under the new
   * one, and only the new one opens the disk and its snapshots; what was written before is sealed anew meanwhile.
   * @throws {SystemError} kind `conflict`: a snapshot of the disk is exported, or too many keys are in use. After any other
   *   error either key may be the disk's: `settleDataKey` tells.
   */
  rotateDataKey(request: RotateDataKey): Promise<Pin>;
  /** Keeps the data key under another wrapping. After an error either wrapping may be in the disk's head; both are right. */
  rewrapDataKey(diskId: string, wrappedKey: Uint8Array, dataKey: DataKey, pin: Pin | undefined): Promise<Pin>;
  /**
   * What a disk's head says of its data key, made durable before the answer, so that the other key may be forgotten. Opens
   * and recovers nothing: a disk that was not closed in order stays one.
   */
  settleDataKey(request: SettleDataKey): Promise<ReencryptionState>;
  /** Goes on with sealing a disk anew, lets it rest, and tells how far it is. Undefined: not open, and no key was given. */
  continueReencryption(request: ContinueReencryption): Promise<ReencryptionState | undefined>;
  /**
   * Removes a disk's files. Needs no key; a disk that is not there is no error, so that removal can be repeated.
   * Snapshots to keep move to where snapshots outlive their disk, and so do those that are in neither list: a control
   * plane whose database was put back from an old copy does not know all that there are.
   * @throws {SystemError} kind `conflict`: the disk is open, or a snapshot to drop is exported.
   */
  deleteDisk(diskId: string, snapshots: SnapshotFates): Promise<void>;
  /** Freezes the disk as it is now; all acknowledged writes are in it. Works on open and closed disks. */
  createSnapshot(diskId: string, snapshotId: string, dataKey: DataKey, pin: Pin | undefined): Promise<Pin>;
  /**
   * Forgets a snapshot, also one whose disk is gone. Needs no key; one that is not there is no error.
   * @throws {SystemError} kind `conflict`: it is exported, or the base of one that is.
   */
  deleteSnapshot(diskId: string, snapshotId: string): Promise<void>;
  /** Makes a disk larger, open or closed; its own size is no error. Clients see it when they connect anew. */
  growDisk(diskId: string, sizeBytes: number, dataKey: DataKey, pin: Pin | undefined): Promise<Pin>;
  /** Counts what a disk and each of its snapshots take. Takes time in proportion to what is stored. */
  measureUsage(diskId: string, dataKey: DataKey, pin: Pin | undefined): Promise<DiskUsage>;
  openExport(request: OpenExport): Promise<ExportInfo>;
  /** Serves a snapshot for reading, beside its disk and other exports. It is kept until `closeExport`, which answers no pin. */
  openSnapshotExport(request: OpenSnapshotExport): Promise<ExportInfo>;
  /**
   * Drains for up to 5 s, disconnects, flushes, checkpoints, forgets the key. Answers the pin of the closed disk.
   * A failed flush keeps the export and throws; with `force` it is dropped.
   * An export that is not open answers undefined.
   */
  closeExport(exportId: string, options: { readonly force: boolean }): Promise<Pin | undefined>;
  listExports(): Promise<readonly ExportInfo[]>;
  /**
   * Begins to read and verify everything that the disk and its snapshots need. An open disk goes on serving; one that is
   * not open is opened for reading meanwhile, and whoever wants it otherwise stops the scrub.
   * @throws {SystemError} kind `conflict`: a scrub of the disk is running.
   */
  startScrub(request: StartScrub): Promise<ScrubState>;
  /** Undefined when this disk server knows of none. */
  describeScrub(diskId: string): Promise<ScrubState | undefined>;
}
