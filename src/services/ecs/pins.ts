import type { Pin } from '../../dataplane/data-plane.ts';
import type { Database } from '../../metadata/database.ts';
import { findDisk, updateDisk, type Disk, type StoredPin } from '../../metadata/disks.ts';
import type { Transaction } from '../../metadata/reader.ts';

/**
 * A pin only ever moves forward: it says what a disk's files must at least have reached. So does the position of the log
 * in it, under one head and from head to head.
 */
export async function advancePin(transaction: Transaction, disk: Disk, pin: Pin | undefined): Promise<void> {
  if (pin === undefined) return;
  const { pin: known } = disk;
  const log = furthest(known?.log, pin.log);
  const head = known !== null && known.sequence >= pin.sequence ? known : pin;
  if (head === known && log === known.log) return;
  const { sequence, digest } = head;
  await updateDisk(transaction, disk.diskId, { pin: { sequence, digest, ...(log === undefined ? {} : { log }) } });
}

function furthest(known: StoredPin['log'], reported: StoredPin['log']): StoredPin['log'] {
  if (known === undefined || reported === undefined) return known ?? reported;
  const isFurther =
    reported.segment > known.segment || (reported.segment === known.segment && reported.slot > known.slot);
  return isFurther ? reported : known;
}

/** Stores a pin that the disk server reports on its own. A disk that is gone needs none. */
export async function recordPin(database: Database, diskId: string, pin: Pin): Promise<void> {
  await database.transact(async (transaction) => {
    const disk = await findDisk(transaction, diskId);
    if (disk !== undefined) await advancePin(transaction, disk, pin);
  });
}
