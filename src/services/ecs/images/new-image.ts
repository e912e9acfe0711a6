import { answerClientToken } from '../../../metadata/client-tokens.ts';
import { insertImage, type Image } from '../../../metadata/images.ts';
import type { Transaction } from '../../../metadata/reader.ts';
import type { RecordedAnswer } from '../disk-provision.ts';
import { refuseDuplicateName, refuseTooMany } from './image-text.ts';

/** What every image has when it is made. */
const FRESH_IMAGE = {
  version: '',
  family: '',
  description: '',
  progress: 0,
  failure: null,
  sourceInstanceId: null,
  sourceImageId: null,
  sourceRegionId: null,
  resourceGroupId: null,
} as const satisfies Partial<Image>;

/** What somebody who makes an image has to say. */
export type NewImage = Omit<Image, keyof typeof FRESH_IMAGE | 'sizeGib'> & Partial<Image>;

/** Makes the image known. @throws {ApiError} InvalidImageName.Duplicated, QuotaExceed.Image. */
export async function addImage(transaction: Transaction, fresh: NewImage, answer?: RecordedAnswer): Promise<Image> {
  await refuseTooMany(transaction, fresh);
  await refuseDuplicateName(transaction, fresh, fresh.name);
  const image = { ...FRESH_IMAGE, sizeGib: fresh.devices[0]?.sizeGib ?? 0, ...fresh };
  await insertImage(transaction, image);
  await recordAnswer(transaction, answer);
  return image;
}

/** In the transaction after which the request cannot be taken back. */
export async function recordAnswer(transaction: Transaction, answer: RecordedAnswer | undefined): Promise<void> {
  if (answer?.idempotencyKey === undefined) return;
  await answerClientToken(transaction, answer.idempotencyKey, JSON.stringify(answer.output));
}
