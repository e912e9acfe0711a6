import type { EntityOf } from './columns.ts';
import { bytes, flag, integer, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';

/** A disk whose data key is being changed, or that is being sealed anew since. */
export const diskRotations = new SealedTable(
  'diskRotations',
  {
    diskId: text(),
    /** Committing: the disk server was asked, and either data key may be the disk's. Running: the new one is. */
    status: text<'Committing' | 'Running'>(),
    /** What the disk is to be from then on, as in `disks`. */
    encrypted: flag,
    kmsKeyId: nullable(text()),
    suite: text<'aes-256-gcm' | 'sm4-gcm'>(),
    wrappedKey: bytes,
    wrappedBy: text<'kms' | 'root'>(),
    paused: flag,
    startedMs: integer,
  },
  ['diskId'],
);

export type DiskRotation = EntityOf<typeof diskRotations.columns>;

export const findDiskRotation = (reader: Reader, diskId: string): Promise<DiskRotation | undefined> =>
  diskRotations.find(reader, { diskId });

export const listDiskRotations = (reader: Reader): Promise<DiskRotation[]> =>
  diskRotations.findAll(reader, {}, ['startedMs', 'diskId']);

export async function putDiskRotation(transaction: Transaction, rotation: DiskRotation): Promise<void> {
  await diskRotations.delete(transaction, { diskId: rotation.diskId });
  await diskRotations.insert(transaction, rotation);
}

export const updateDiskRotation = (
  transaction: Transaction,
  diskId: string,
  changes: Partial<Pick<DiskRotation, 'status' | 'paused'>>,
): Promise<DiskRotation> => diskRotations.update(transaction, { diskId }, changes);

export const deleteDiskRotation = (transaction: Transaction, diskId: string): Promise<number> =>
  diskRotations.delete(transaction, { diskId });
