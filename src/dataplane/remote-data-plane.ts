import type { Pin } from '../block/format/pin.ts';
import type {
  ContinueReencryption,
  DataKey,
  DataPlane,
  DiskIdentity,
  DiskUsage,
  ExportInfo,
  OpenExport,
  OpenSnapshotExport,
  ReencryptionState,
  RotateDataKey,
  ScrubState,
  SettleDataKey,
  SnapshotFates,
  StartScrub,
} from './data-plane.ts';
import type { Supervisor } from './supervisor.ts';
import type { ApplyStream, OpenReceive, OpenSend, TransferInfo } from './transfers.ts';

/** Runs `call` and wipes the keys that it was handed: they have been sent, or never will be. */
async function consuming<T>(keys: readonly Uint8Array[], call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } finally {
    for (const key of keys) key.fill(0);
  }
}

/** The disk server of this machine, as the services see it. */
export class RemoteDataPlane implements DataPlane {
  readonly #server: Supervisor;

  constructor(server: Supervisor) {
    this.#server = server;
  }

  get nbdAddress(): string {
    return this.#server.nbdAddress;
  }

  async createDisk(disk: DiskIdentity, dataKey: DataKey): Promise<Pin> {
    return consuming([dataKey.key], async () => (await this.#server.request('createDisk', { disk, dataKey })).pin);
  }

  async cloneDisk(
    source: Parameters<DataPlane['cloneDisk']>[0],
    disk: DiskIdentity,
    dataKey: DataKey,
    { independent } = { independent: false },
  ): Promise<Pin> {
    const keys = [source.dataKey.key, dataKey.key];
    const request = { source, disk, dataKey, independent };
    return consuming(keys, async () => (await this.#server.request('cloneDisk', request)).pin);
  }

  async rotateDataKey(request: RotateDataKey): Promise<Pin> {
    const keys = [request.dataKey.key, request.next.dataKey.key];
    return consuming(keys, async () => (await this.#server.request('rotateDataKey', request)).pin);
  }

  async rewrapDataKey(diskId: string, wrappedKey: Uint8Array, dataKey: DataKey, pin: Pin | undefined): Promise<Pin> {
    const request = { diskId, wrappedKey, dataKey, pin };
    return consuming([dataKey.key], async () => (await this.#server.request('rewrapDataKey', request)).pin);
  }

  async settleDataKey(request: SettleDataKey): Promise<ReencryptionState> {
    const keys = request.dataKeys.map(({ key }) => key);
    return consuming(keys, async () => (await this.#server.request('settleDataKey', request)).state);
  }

  async continueReencryption(request: ContinueReencryption): Promise<ReencryptionState | undefined> {
    const keys = request.dataKeys.map(({ key }) => key);
    return consuming(keys, async () => (await this.#server.request('continueReencryption', request)).state);
  }

  async deleteDisk(diskId: string, snapshots: SnapshotFates): Promise<void> {
    await this.#server.request('deleteDisk', { diskId, snapshots });
  }

  async createSnapshot(diskId: string, snapshotId: string, dataKey: DataKey, pin: Pin | undefined): Promise<Pin> {
    return consuming(
      [dataKey.key],
      async () => (await this.#server.request('createSnapshot', { diskId, snapshotId, dataKey, pin })).pin,
    );
  }

  async deleteSnapshot(diskId: string, snapshotId: string): Promise<void> {
    await this.#server.request('deleteSnapshot', { diskId, snapshotId });
  }

  async growDisk(diskId: string, sizeBytes: number, dataKey: DataKey, pin: Pin | undefined): Promise<Pin> {
    return consuming(
      [dataKey.key],
      async () => (await this.#server.request('growDisk', { diskId, sizeBytes, dataKey, pin })).pin,
    );
  }

  async measureUsage(diskId: string, dataKey: DataKey, pin: Pin | undefined): Promise<DiskUsage> {
    return consuming(
      [dataKey.key],
      async () => (await this.#server.request('measureUsage', { diskId, dataKey, pin })).usage,
    );
  }

  async openSnapshotExport(request: OpenSnapshotExport): Promise<ExportInfo> {
    return consuming(
      [request.dataKey.key],
      async () => (await this.#server.request('openSnapshotExport', request)).info,
    );
  }

  async openExport(request: OpenExport): Promise<ExportInfo> {
    return consuming([request.dataKey.key], async () => (await this.#server.request('openExport', request)).info);
  }

  async closeExport(exportId: string, options: { readonly force: boolean }): Promise<Pin | undefined> {
    return (await this.#server.request('closeExport', { exportId, force: options.force })).pin;
  }

  async listExports(): Promise<readonly ExportInfo[]> {
    return (await this.#server.request('listExports', {})).exports;
  }

  async startScrub(request: StartScrub): Promise<ScrubState> {
    const keys = request.dataKey === undefined ? [] : [request.dataKey.key];
    return consuming(keys, async () => (await this.#server.request('startScrub', request)).scrub);
  }

  async describeScrub(diskId: string): Promise<ScrubState | undefined> {
    return (await this.#server.request('describeScrub', { diskId })).scrub;
  }

  async openSend(request: OpenSend): Promise<TransferInfo> {
    const keys = [request.source.dataKey.key, request.streamKey];
    return consuming(keys, async () => (await this.#server.request('openSend', request)).info);
  }

  async openReceive(request: OpenReceive): Promise<TransferInfo> {
    return consuming([request.streamKey], async () => (await this.#server.request('openReceive', request)).info);
  }

  async applyStream(request: ApplyStream): Promise<TransferInfo> {
    const keys = [request.dataKey.key, request.streamKey];
    return consuming(keys, async () => (await this.#server.request('applyStream', request)).info);
  }

  async listTransfers(): Promise<readonly TransferInfo[]> {
    return (await this.#server.request('listTransfers', {})).transfers;
  }

  async closeTransfer(transferId: string, { discard }: { readonly discard: boolean }): Promise<void> {
    await this.#server.request('closeTransfer', { transferId, discard });
  }
}
