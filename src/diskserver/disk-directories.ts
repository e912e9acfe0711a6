import { existsSync } from 'node:fs';
import path from 'node:path';

import { SystemError } from '../base/errors.ts';

/** Ids become folder names, so nothing else may pass: no separators, no dots. */
const DISK_ID = /^d-[a-z0-9]{1,64}$/;

/** Where disks lie below the data directory. */
export class DiskDirectories {
  readonly #dataDirectory: string;

  constructor(dataDirectory: string) {
    this.#dataDirectory = dataDirectory;
  }

  /** `DIR/disks/<DiskId>`: everything of a living disk. */
  living(diskId: string): string {
    return path.join(this.#dataDirectory, 'disks', checked(diskId));
  }

  /** `DIR/retired/<DiskId>`: what is kept of a deleted disk for the snapshots that outlive it. */
  retired(diskId: string): string {
    return path.join(this.#dataDirectory, 'retired', checked(diskId));
  }

  /** Wherever the disk's snapshots are now. */
  withSnapshots(diskId: string): string {
    const living = this.living(diskId);
    return existsSync(living) ? living : this.retired(diskId);
  }
}

function checked(diskId: string): string {
  if (!DISK_ID.test(diskId))
    throw new SystemError('invalid', 'BAD_DISK_ID', 'a disk id has the form d-… in lower-case letters and digits');
  return diskId;
}
