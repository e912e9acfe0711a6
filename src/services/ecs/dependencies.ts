import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { DataPlane } from '../../dataplane/data-plane.ts';
import type { DataKeys } from './stored-data-key.ts';
import type { Database } from '../../metadata/database.ts';
import type { DiskRotations } from './disk-rotations.ts';
import type { ImageCopies } from './images/image-copies.ts';
import type { ImageFileWork } from './images/image-file-work.ts';
import type { ImageStore } from './images/image-store.ts';
import type { ImageConverter } from './images/qemu-img.ts';
import type { EncryptionLimits } from './encryption-limits.ts';

/** What the ECS operations work with. Each takes what it needs of it. */
export interface EcsDependencies {
  readonly database: Database;
  readonly dataPlane: DataPlane;
  readonly dataKeys: DataKeys;
  readonly rotations: DiskRotations;
  readonly imageCopies: ImageCopies;
  readonly imageFiles: {
    /** Undefined: the operator configured none. */
    readonly store: ImageStore | undefined;
    readonly converter: ImageConverter;
    readonly work: ImageFileWork;
  };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly limits: EncryptionLimits;
  /** `host:port` of the API. */
  readonly apiAddress: string;
}
