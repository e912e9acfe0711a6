import type { Pin } from '../../dataplane/data-plane.ts';
import type { Database } from '../../metadata/database.ts';
import { findDisk, updateDisk, type Disk } from '../../metadata/disks.ts';
import type { Transaction } from '../../metadata/reader.ts';

/** A pin only ever moves forward: it says what a disk's files must at least have reached. */
export async function advancePin(transaction: Transaction, disk: Disk, pin: Pin | undefined): Promise<void> {
  if (pin === undefined || (disk.pin !== null && disk.pin.sequence >= pin.sequence)) return;
  await updateDisk(transaction, disk.diskId, { pin: { sequence: pin.sequence, digest: pin.digest } });
}

/** Stores a pin that the disk server reports on its own. A disk that is gone needs none. */
export async function recordPin(database: Database, diskId: string, pin: Pin): Promise<void> {
  await database.transact(async (transaction) => {
    const disk = await findDisk(transaction, diskId);
    if (disk !== undefined) await advancePin(transaction, disk, pin);
  });
}
