import { GiB } from '../../src/base/units.ts';
import type { DataKey, DataPlane, DiskIdentity, ExportInfo, OpenExport } from '../../src/dataplane/data-plane.ts';
import type { TransferInfo } from '../../src/dataplane/transfers.ts';

/** A data plane under test. Each test gets a fresh one, without disks. */
export interface DataPlaneUnderTest extends AsyncDisposable {
  readonly plane: DataPlane;
  /** Ends the disk server without a chance to close anything, and has a new one take its place. */
  crash(): Promise<void>;
  /** Has a client fill the first block with `value`, without a flush. */
  write(info: ExportInfo, value: number): Promise<void>;
  /** What a client finds in the first block. */
  read(info: ExportInfo): Promise<number>;
  /** What a client reads of a stream that is sent. */
  readStream(info: TransferInfo): Promise<Uint8Array>;
  /** Has a client write part of a stream that is received, and flush. */
  writeStream(info: TransferInfo, offset: number, bytes: Uint8Array): Promise<void>;
}

export function dataKey(seed: number): DataKey {
  return { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(seed) };
}

export function identity(diskId: string, sizeBytes = GiB): DiskIdentity {
  return { diskId, sizeBytes, encrypted: true, wrappedKey: new Uint8Array([1, 2, 3]) };
}

export function request(diskId: string, key: number, more: Partial<OpenExport> = {}): OpenExport {
  return {
    exportId: `e-${diskId}`,
    diskId,
    name: `name-${diskId}`,
    readOnly: false,
    pskIdentity: `psk-${diskId}`,
    psk: new Uint8Array(32).fill(9),
    dataKey: dataKey(key),
    pin: undefined,
    ...more,
  };
}
