import { SystemError } from '../../src/base/errors.ts';
import type { Pin } from '../../src/block/format/pin.ts';
import type {
  ContinueReencryption,
  DataKey,
  DataPlane,
  DiskIdentity,
  DiskUsage,
  ExportInfo,
  OpenExport,
  OpenSnapshotExport,
  ReencryptionProgress,
  ReencryptionState,
  RotateDataKey,
  ScrubReport,
  ScrubState,
  SettleDataKey,
  SnapshotFates,
  StartScrub,
} from '../../src/dataplane/data-plane.ts';
import { DISK_NOT_CLEAN } from '../../src/dataplane/data-plane.ts';
import type { ApplyStream, OpenReceive, OpenSend, TransferInfo } from '../../src/dataplane/transfers.ts';
import { MemoryTransfers } from './memory-transfers.ts';

interface StoredDisk {
  identity: DiskIdentity;
  key: Uint8Array;
  suite: DataKey['suite'];
  /** What is left to do: told once, then done, unless it rests. */
  reencryption: ReencryptionProgress | undefined;
  sequence: number;
  content: string;
  clean: boolean;
  deleted: boolean;
  readonly snapshots: Map<string, string>;
}

type Method = Exclude<keyof DataPlane, 'nbdAddress'>;

/**
 * A disk server in memory: disks hold one string in place of blocks. Passes `dataPlaneSuite`.
 * Tests reach the rest through `fault`, `crash`, `write` and `content`.
 */
export class MemoryDataPlane implements DataPlane {
  readonly nbdAddress = '127.0.0.1:10809';
  readonly #disks = new Map<string, StoredDisk>();
  readonly #open = new Map<string, { request: OpenExport | OpenSnapshotExport; info: ExportInfo }>();
  readonly #scrubs = new Map<string, ScrubState>();
  readonly transfers = new MemoryTransfers({
    snapshot: (source, snapshotId) => {
      const disk = this.#find(source.diskId, { deleted: true });
      this.#check(disk, source.dataKey, source.pin);
      const content = disk.snapshots.get(snapshotId);
      if (content === undefined)
        throw new SystemError('not-found', 'SNAPSHOT_NOT_FOUND', `snapshot ${snapshotId} is not there`);
      return { content, sizeBytes: disk.identity.sizeBytes };
    },
    apply: (request, content) => this.#apply(request, content),
  });
  /** What every scrub finds. */
  damages: ScrubReport['damages'] = [];
  /** Called before each method runs; throwing there is a failure that left nothing behind. */
  before: (method: Method, ids: readonly string[]) => void | Promise<void> = () => {};
  /** Called after each method has taken effect; throwing there is a reply that was lost. */
  after: (method: Method, ids: readonly string[]) => void | Promise<void> = () => {};

  createDisk(disk: DiskIdentity, dataKey: DataKey): Promise<Pin> {
    return this.#call('createDisk', [disk.diskId], [dataKey], () => {
      if (this.#disks.has(disk.diskId)) throw new SystemError('conflict', 'DISK_EXISTS', `disk ${disk.diskId} exists`);
      return this.#pin(this.#store(disk, dataKey, ''));
    });
  }

  cloneDisk(
    source: Parameters<DataPlane['cloneDisk']>[0],
    disk: DiskIdentity,
    dataKey: DataKey,
    { independent } = { independent: false },
  ): Promise<Pin> {
    return this.#call('cloneDisk', [source.snapshotId, disk.diskId], [source.dataKey, dataKey], () => {
      const origin = this.#find(source.diskId, { deleted: true });
      this.#check(origin, source.dataKey, source.pin);
      const content = origin.snapshots.get(source.snapshotId);
      if (content === undefined)
        throw new SystemError('not-found', 'SNAPSHOT_NOT_FOUND', `snapshot ${source.snapshotId} is not there`);
      if (this.#disks.has(disk.diskId)) throw new SystemError('conflict', 'DISK_EXISTS', `disk ${disk.diskId} exists`);
      const made = this.#store(disk, dataKey, content);
      if (independent || origin.suite !== dataKey.suite) made.reencryption = progressOf(0);
      return this.#pin(made);
    });
  }

  rotateDataKey({ diskId, dataKey, pin, next }: RotateDataKey): Promise<Pin> {
    return this.#call('rotateDataKey', [diskId], [dataKey, next.dataKey], () => {
      const disk = this.#find(diskId);
      this.#refuseHeld((held) => disk.snapshots.has(held));
      this.#check(disk, dataKey, pin);
      if (!this.#isOpen(diskId)) disk.clean = true;
      const { wrappedKey, encrypted, bytesPerSecond } = next;
      disk.key = Uint8Array.from(next.dataKey.key);
      disk.suite = next.dataKey.suite;
      disk.identity = { ...disk.identity, wrappedKey: Uint8Array.from(wrappedKey), encrypted };
      disk.reencryption = progressOf(bytesPerSecond);
      disk.sequence += 1;
      return this.#pin(disk);
    });
  }

  rewrapDataKey(diskId: string, wrappedKey: Uint8Array, dataKey: DataKey, pin: Pin | undefined): Promise<Pin> {
    return this.#call('rewrapDataKey', [diskId], [dataKey], () => {
      const disk = this.#find(diskId);
      this.#check(disk, dataKey, pin);
      disk.identity = { ...disk.identity, wrappedKey: Uint8Array.from(wrappedKey) };
      disk.sequence += 1;
      return this.#pin(disk);
    });
  }

  settleDataKey({ diskId, dataKeys, pin }: SettleDataKey): Promise<ReencryptionState> {
    return this.#call('settleDataKey', [diskId], dataKeys, () => {
      const disk = this.#find(diskId);
      if (!this.#isOpen(diskId)) this.#checkAny(disk, dataKeys, pin);
      return { wrappedKey: disk.identity.wrappedKey, progress: disk.reencryption, pin: this.#pin(disk) };
    });
  }

  continueReencryption(request: ContinueReencryption): Promise<ReencryptionState | undefined> {
    const { diskId, dataKeys, pin, paused, bytesPerSecond } = request;
    return this.#call('continueReencryption', [diskId], dataKeys, () => {
      const disk = this.#find(diskId);
      const isOpen = this.#isOpen(diskId);
      if (!isOpen && dataKeys.length === 0) return undefined;
      if (!isOpen) this.#checkAny(disk, dataKeys, pin);
      // It is opened, recovered, and closed in order.
      if (!isOpen) disk.clean = true;
      const progress = disk.reencryption && {
        ...disk.reencryption,
        ...(paused === undefined ? {} : { paused }),
        ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
      };
      disk.reencryption = progress?.paused === true ? progress : undefined;
      return { wrappedKey: disk.identity.wrappedKey, progress, pin: this.#pin(disk) };
    });
  }

  deleteDisk(diskId: string, { keep, drop }: SnapshotFates): Promise<void> {
    return this.#call('deleteDisk', [diskId], [], () => {
      const disk = this.#disks.get(diskId);
      if (disk === undefined) return;
      this.#refuseOpen(diskId);
      this.#refuseHeld((snapshotId) => drop.includes(snapshotId));
      const missing = disk.deleted ? undefined : keep.find((id) => !disk.snapshots.has(id));
      if (missing !== undefined)
        throw new SystemError('not-found', 'SNAPSHOT_NOT_FOUND', `snapshot ${missing} is not there`);
      for (const id of drop) disk.snapshots.delete(id);
      disk.deleted = true;
      if (disk.snapshots.size === 0) this.#disks.delete(diskId);
    });
  }

  createSnapshot(diskId: string, snapshotId: string, dataKey: DataKey, pin: Pin | undefined): Promise<Pin> {
    return this.#call('createSnapshot', [diskId, snapshotId], [dataKey], () => {
      const disk = this.#find(diskId);
      this.#check(disk, dataKey, pin);
      if (disk.snapshots.has(snapshotId))
        throw new SystemError('conflict', 'SNAPSHOT_EXISTS', `snapshot ${snapshotId} exists`);
      disk.snapshots.set(snapshotId, disk.content);
      disk.sequence += 1;
      return this.#pin(disk);
    });
  }

  deleteSnapshot(diskId: string, snapshotId: string): Promise<void> {
    return this.#call('deleteSnapshot', [diskId, snapshotId], [], () => {
      this.#refuseHeld((held) => held === snapshotId);
      const disk = this.#disks.get(diskId);
      this.transfers.forgetSnapshot(snapshotId);
      disk?.snapshots.delete(snapshotId);
      if (disk?.deleted === true && disk.snapshots.size === 0) this.#disks.delete(diskId);
    });
  }

  openExport(request: OpenExport): Promise<ExportInfo> {
    return this.#call('openExport', [request.diskId, request.exportId], [request.dataKey], () => {
      const existing = this.#open.get(request.exportId);
      if (existing !== undefined) return existing.info;
      this.#refuseOpen(request.diskId);
      const disk = this.#find(request.diskId);
      this.#check(disk, request.dataKey, request.pin);
      if (request.expectClean === true && !disk.clean)
        throw new SystemError('conflict', DISK_NOT_CLEAN, `disk ${request.diskId} was not closed in order`);
      disk.clean = false;
      const info = this.#infoOf(request);
      const kept = { ...request, psk: Uint8Array.from(request.psk) };
      this.#open.set(request.exportId, { request: kept, info });
      return info;
    });
  }

  openSnapshotExport(request: OpenSnapshotExport): Promise<ExportInfo> {
    return this.#call('openSnapshotExport', [request.snapshotId, request.exportId], [request.dataKey], () => {
      const existing = this.#open.get(request.exportId);
      if (existing !== undefined) return existing.info;
      const disk = this.#find(request.diskId, { deleted: true });
      this.#check(disk, request.dataKey, request.pin);
      for (const id of [request.snapshotId, request.baseSnapshotId ?? request.snapshotId])
        if (!disk.snapshots.has(id))
          throw new SystemError('not-found', 'SNAPSHOT_NOT_FOUND', `snapshot ${id} is not there`);
      const info = this.#infoOf(request);
      this.#open.set(request.exportId, { request: { ...request, psk: Uint8Array.from(request.psk) }, info });
      return info;
    });
  }

  growDisk(diskId: string, sizeBytes: number, dataKey: DataKey, pin: Pin | undefined): Promise<Pin> {
    return this.#call('growDisk', [diskId], [dataKey], () => {
      const disk = this.#find(diskId);
      this.#check(disk, dataKey, pin);
      if (sizeBytes < disk.identity.sizeBytes) throw new SystemError('invalid', 'DISK_SHRINKS', 'a disk cannot shrink');
      disk.identity = { ...disk.identity, sizeBytes };
      disk.sequence += 1;
      return this.#pin(disk);
    });
  }

  /** One block for each string. */
  measureUsage(diskId: string, dataKey: DataKey, pin: Pin | undefined): Promise<DiskUsage> {
    return this.#call('measureUsage', [diskId], [dataKey], () => {
      const disk = this.#find(diskId);
      this.#check(disk, dataKey, pin);
      const states = [['', disk.content] as const, ...disk.snapshots];
      const usage = states.map(([snapshotId, content]) => {
        const allocated = content === '' ? 0 : 1;
        const exclusive = states.filter((other) => other[1] === content).length === 1 ? allocated : 0;
        return {
          snapshotId,
          allocatedBytes: allocated * 4096,
          exclusiveBytes: exclusive * 4096,
          storedBytes: allocated * 4128,
          exclusiveStoredBytes: exclusive * 4128,
        };
      });
      const distinct = new Set(states.map(([, content]) => content).filter((content) => content !== ''));
      return { states: usage, storedBytes: distinct.size * 4128 };
    });
  }

  closeExport(exportId: string): Promise<Pin | undefined> {
    return this.#call('closeExport', [exportId], [], () => {
      const opened = this.#open.get(exportId);
      if (opened === undefined) return undefined;
      if ('snapshotId' in opened.request) {
        this.#open.delete(exportId);
        return undefined;
      }
      const disk = this.#find(opened.request.diskId);
      disk.clean = true;
      disk.sequence += 1;
      this.#open.delete(exportId);
      return this.#pin(disk);
    });
  }

  listExports(): Promise<readonly ExportInfo[]> {
    return this.#call('listExports', [], [], () => [...this.#open.values()].map(({ info }) => info));
  }

  startScrub({ diskId, dataKey, pin }: StartScrub): Promise<ScrubState> {
    return this.#call('startScrub', [diskId], dataKey === undefined ? [] : [dataKey], () => {
      const disk = this.#find(diskId);
      if (dataKey !== undefined) this.#check(disk, dataKey, pin);
      const progress = { slotsDone: 1, slotsTotal: 1, damageCount: 0 };
      const report = {
        damages: [...this.damages],
        damageCount: this.damages.length,
        slots: 1,
        withKey: dataKey !== undefined,
      };
      this.#scrubs.set(diskId, { status: 'Finished', startedMs: 0, endedMs: 1_000, progress, report });
      return { status: 'Running', startedMs: 0, progress: { ...progress, slotsDone: 0 } };
    });
  }

  describeScrub(diskId: string): Promise<ScrubState | undefined> {
    return this.#call('describeScrub', [diskId], [], () => this.#scrubs.get(diskId));
  }

  openSend(request: OpenSend): Promise<TransferInfo> {
    const keys = [request.source.dataKey, { key: request.streamKey }];
    return this.#call('openSend', [request.transferId], keys, () => this.transfers.openSend(request));
  }

  openReceive(request: OpenReceive): Promise<TransferInfo> {
    const keys = [{ key: request.streamKey }];
    return this.#call('openReceive', [request.transferId], keys, () => this.transfers.openReceive(request));
  }

  applyStream(request: ApplyStream): Promise<TransferInfo> {
    const keys = [request.dataKey, { key: request.streamKey }];
    return this.#call('applyStream', [request.transferId], keys, () => this.transfers.applyStream(request));
  }

  listTransfers(): Promise<readonly TransferInfo[]> {
    return this.#call('listTransfers', [], [], () => this.transfers.listTransfers());
  }

  closeTransfer(transferId: string, options: { readonly discard: boolean }): Promise<void> {
    return this.#call('closeTransfer', [transferId], [], () => this.transfers.closeTransfer(transferId, options));
  }

  /** The disk server dies: every export is gone, its disks were not closed in order. */
  crash(): void {
    this.transfers.crash();
    this.#scrubs.clear();
    this.#open.clear();
  }

  write(diskId: string, content: string): void {
    const disk = this.#find(diskId);
    disk.content = content;
    disk.sequence += 1;
  }

  content(diskId: string): string {
    return this.#find(diskId).content;
  }

  /** What clients of an export read. */
  served(exportId: string): string | undefined {
    const request = this.request(exportId);
    if (request === undefined) return undefined;
    const disk = this.#find(request.diskId, { deleted: true });
    return 'snapshotId' in request ? disk.snapshots.get(request.snapshotId) : disk.content;
  }

  /** Puts older files back. */
  rollBack(diskId: string): void {
    this.#find(diskId).sequence = 0;
  }

  get diskIds(): readonly string[] {
    return [...this.#disks.values()].filter((disk) => !disk.deleted).map((disk) => disk.identity.diskId);
  }

  snapshotIds(diskId: string): readonly string[] {
    return [...(this.#disks.get(diskId)?.snapshots.keys() ?? [])];
  }

  /** What the disk's own head says of it. */
  identity(diskId: string): DiskIdentity {
    return this.#find(diskId).identity;
  }

  suite(diskId: string): DataKey['suite'] {
    return this.#find(diskId).suite;
  }

  /** What an open export was opened with. */
  request(exportId: string): OpenExport | OpenSnapshotExport | undefined {
    return this.#open.get(exportId)?.request;
  }

  /** Wipes the keys that it was handed, as the real one does. */
  async #call<T>(
    method: Method,
    ids: readonly string[],
    keys: readonly { readonly key: Uint8Array }[],
    body: () => T | Promise<T>,
  ): Promise<T> {
    try {
      await this.before(method, ids);
      const result = await body();
      await this.after(method, ids);
      return result;
    } finally {
      for (const { key } of keys) key.fill(0);
    }
  }

  #apply(request: ApplyStream, content: (before: string) => string): Pin {
    const { disk: identity, dataKey, snapshotId, baseSnapshotId } = request;
    if (baseSnapshotId === undefined) {
      if (this.#disks.has(identity.diskId))
        throw new SystemError('conflict', 'DISK_EXISTS', `disk ${identity.diskId} exists`);
      const made = content('');
      const disk = this.#store(identity, dataKey, made);
      disk.snapshots.set(snapshotId, made);
      return this.#pin(disk);
    }
    const disk = this.#find(identity.diskId);
    this.#refuseOpen(identity.diskId);
    this.#check(disk, dataKey, request.pin);
    if (disk.snapshots.get(baseSnapshotId) !== disk.content)
      throw new SystemError('conflict', 'NOT_AT_BASE', `the disk was written to since snapshot ${baseSnapshotId}`);
    disk.content = content(disk.content);
    disk.snapshots.set(snapshotId, disk.content);
    disk.sequence += 1;
    return this.#pin(disk);
  }

  #store(identity: DiskIdentity, dataKey: DataKey, content: string): StoredDisk {
    const disk: StoredDisk = {
      identity,
      key: Uint8Array.from(dataKey.key),
      suite: dataKey.suite,
      reencryption: undefined,
      sequence: 1,
      content,
      clean: true,
      deleted: false,
      snapshots: new Map(),
    };
    this.#disks.set(identity.diskId, disk);
    return disk;
  }

  #find(diskId: string, options?: { readonly deleted: true }): StoredDisk {
    const disk = this.#disks.get(diskId);
    if (disk === undefined || (disk.deleted && options?.deleted !== true))
      throw new SystemError('not-found', 'DISK_NOT_FOUND', `disk ${diskId} has no files`);
    return disk;
  }

  #isOpen(diskId: string): boolean {
    return [...this.#open.values()].some(({ request }) => !('snapshotId' in request) && request.diskId === diskId);
  }

  #checkAny(disk: StoredDisk, dataKeys: readonly DataKey[], pin: Pin | undefined): void {
    const right = dataKeys.find(({ key }) => Buffer.compare(key, disk.key) === 0);
    this.#check(disk, right ?? dataKeys[0] ?? { suite: disk.suite, key: new Uint8Array() }, pin);
  }

  #check(disk: StoredDisk, dataKey: DataKey, pin: Pin | undefined): void {
    const { diskId } = disk.identity;
    if (disk.suite !== dataKey.suite || Buffer.compare(disk.key, dataKey.key) !== 0)
      throw new SystemError('corrupt', 'HEAD_CORRUPT', `the head of disk ${diskId} does not open with this key`);
    if (pin !== undefined && pin.sequence > disk.sequence)
      throw new SystemError('rolled-back', 'ROLLED_BACK', `disk ${diskId} is older than what is pinned`);
  }

  #pin(disk: StoredDisk): Pin {
    return { sequence: disk.sequence, digest: disk.sequence.toString(16).padStart(64, '0') };
  }

  #infoOf({ exportId, diskId, name }: OpenExport | OpenSnapshotExport): ExportInfo {
    return { exportId, diskId, name, socketPath: `/run/sealdisk/${name}.sock`, connections: 0, status: 'Serving' };
  }

  #refuseHeld(isDoomed: (snapshotId: string) => boolean): void {
    for (const { request } of this.#open.values()) {
      if (!('snapshotId' in request)) continue;
      const held = [request.snapshotId, request.baseSnapshotId ?? ''].find(isDoomed);
      if (held !== undefined)
        throw new SystemError('conflict', 'SNAPSHOT_OPEN', `snapshot ${held} is needed by export ${request.exportId}`);
    }
  }

  #refuseOpen(diskId: string): void {
    for (const { info, request } of this.#open.values()) {
      if (!('snapshotId' in request) && info.diskId === diskId)
        throw new SystemError('conflict', 'DISK_OPEN', `disk ${diskId} is open as export ${info.exportId}`);
    }
  }
}

function progressOf(bytesPerSecond: number): ReencryptionProgress {
  const none = { segmentsDone: 0, segmentsTotal: 1, bytesDone: 0, bytesTotal: 4128 };
  return { paused: false, bytesPerSecond, beganAtMs: 0, ...none };
}
