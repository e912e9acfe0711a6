import type { EntityOf } from './columns.ts';
import { integer, json, nullable, text } from './columns.ts';
import type { Reader, Transaction } from './reader.ts';
import { SealedTable } from './table.ts';
import { indexTags } from './tags.ts';
import type { Tag } from './tags.ts';

export type ImageStatus = 'Waiting' | 'Creating' | 'Available' | 'UnAvailable' | 'CreateFailed' | 'Deprecated';

/** A disk that instances of the image get. */
export interface ImageDevice {
  /** `/dev/xvda`, `/dev/xvdb`, … */
  readonly device: string;
  readonly type: 'system' | 'data';
  /** Null: the disk starts blank. */
  readonly snapshotId: string | null;
  readonly sizeGib: number;
  /** Of an imported image: the file that the contents came from. */
  readonly imported?: { readonly format: string; readonly bucket: string; readonly object: string };
}

export const images = new SealedTable(
  'images',
  {
    imageId: text(),
    accountId: text(),
    regionId: text(),
    /** Unique in the account and region, unless it is empty. */
    name: text(),
    version: text(),
    family: text(),
    description: text(),
    status: text<ImageStatus>(),
    /** 0 to 100. */
    progress: integer,
    /** Why it is CreateFailed. */
    failure: nullable(json<{ readonly code: string; readonly message: string }>()),
    architecture: text<'i386' | 'x86_64' | 'arm64'>(),
    osType: text<'linux' | 'windows'>(),
    platform: text(),
    osName: text(),
    bootMode: text(),
    /** Of the system disk. */
    sizeGib: integer,
    /** The system disk first. */
    devices: json<readonly ImageDevice[]>(),
    sourceInstanceId: nullable(text()),
    /** Of a copy. */
    sourceImageId: nullable(text()),
    sourceRegionId: nullable(text()),
    resourceGroupId: nullable(text()),
    tags: json<readonly Tag[]>(),
    createdMs: integer,
  },
  ['imageId'],
);

export type Image = EntityOf<typeof images.columns>;

/** Which snapshots the disks of images are made from: `devices` the other way round. */
export const imageSnapshots = new SealedTable('imageSnapshots', { imageId: text(), snapshotId: text() }, [
  'imageId',
  'snapshotId',
]);

export const findImage = (reader: Reader, imageId: string): Promise<Image | undefined> =>
  images.find(reader, { imageId });

/** Images in one status, of all accounts, oldest first. */
export const listImagesByStatus = (reader: Reader, status: ImageStatus): Promise<Image[]> =>
  images.findAll(reader, { status }, ['createdMs', 'imageId']);

/** Of one account and region: those that bear the name, or belong to the family. Oldest first. */
export const listImagesCalled = (
  reader: Reader,
  equals: Pick<Image, 'accountId' | 'regionId'> & Partial<Pick<Image, 'name' | 'family' | 'status'>>,
): Promise<Image[]> => images.findAll(reader, equals, ['createdMs', 'imageId']);

/** Copies of the image, finished or not. */
export const listCopiesOfImage = (reader: Reader, sourceImageId: string): Promise<Image[]> =>
  images.findAll(reader, { sourceImageId });

/** Images whose disks are made from the snapshot. */
export async function listImagesOfSnapshot(reader: Reader, snapshotId: string): Promise<Image[]> {
  const found: Image[] = [];
  for (const { imageId } of await imageSnapshots.findAll(reader, { snapshotId })) {
    const image = await findImage(reader, imageId);
    if (image !== undefined) found.push(image);
  }
  return found;
}

export async function insertImage(transaction: Transaction, image: Image): Promise<void> {
  await images.insert(transaction, image);
  await indexTags(transaction, image.imageId, image.tags);
  await indexSnapshots(transaction, image);
}

/** @throws {SystemError} kind `not-found`, code `ROW_NOT_FOUND`. */
export async function updateImage(
  transaction: Transaction,
  imageId: string,
  changes: Partial<Omit<Image, 'imageId'>>,
): Promise<Image> {
  const image = await images.update(transaction, { imageId }, changes);
  if (changes.tags !== undefined) await indexTags(transaction, imageId, image.tags);
  if (changes.devices !== undefined) await indexSnapshots(transaction, image);
  return image;
}

/** Forgets the image; its snapshots stay. */
export async function deleteImage(transaction: Transaction, imageId: string): Promise<number> {
  await indexTags(transaction, imageId, []);
  await imageSnapshots.delete(transaction, { imageId });
  return await images.delete(transaction, { imageId });
}

async function indexSnapshots(transaction: Transaction, { imageId, devices }: Image): Promise<void> {
  await imageSnapshots.delete(transaction, { imageId });
  const snapshotIds = new Set(devices.flatMap(({ snapshotId }) => (snapshotId === null ? [] : [snapshotId])));
  for (const snapshotId of snapshotIds) await imageSnapshots.insert(transaction, { imageId, snapshotId });
}
