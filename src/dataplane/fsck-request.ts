import type { FsckReport } from '../block/fsck.ts';
import type { RebuildReport } from '../block/rebuild-disk.ts';
import type { DataKey, DiskIdentity, Pin } from './data-plane.ts';

/** What `sealdisk fsck` asks of the process that touches the disk. */
export interface FsckRequest {
  readonly rebuild: boolean;
  readonly directory: string;
  /** Where a rebuild keeps the damaged files. */
  readonly asideDirectory: string;
  readonly identity: DiskIdentity;
  /** Undefined: only what can be checked without. */
  readonly dataKey: DataKey | undefined;
  readonly pin: Pin | undefined;
}

export type { FsckReport, RebuildReport };
