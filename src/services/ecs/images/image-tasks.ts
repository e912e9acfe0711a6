import { listImageExports } from '../../../metadata/image-exports.ts';
import { findImage } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { isImport } from './image-file-work.ts';
import { isBeingMade } from './image-lifecycle.ts';

/** An import or export of an image, as its account may see it. */
export interface ImageTask {
  readonly taskId: string;
  readonly action: 'ImportImage' | 'ExportImage';
  readonly imageId: string;
  readonly status: 'Processing' | 'Finished' | 'Failed';
  /** 0 to 100. */
  readonly progress: number;
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly createdMs: number;
}

/** The task of an import has the id of its image, but for the first letter, and lasts as long as that. */
export function importTaskId(imageId: string): string {
  return `t-${imageId.slice(2)}`;
}

/** Undefined: the account has no such task in the region. */
export async function findImageTask(
  reader: Reader,
  { accountId, regionId }: { readonly accountId: string; readonly regionId: string },
  taskId: string,
): Promise<ImageTask | undefined> {
  const [row] = await listImageExports(reader, { taskId });
  if (row?.accountId === accountId && row.regionId === regionId) {
    const { imageId, progress, failure, createdMs } = row;
    const status = row.status === 'Running' ? 'Processing' : row.status;
    return { taskId, action: 'ExportImage', imageId, status, progress, failure, createdMs };
  }
  const image = taskId.startsWith('t-') ? await findImage(reader, `m-${taskId.slice(2)}`) : undefined;
  if (image?.accountId !== accountId || image.regionId !== regionId || !isImport(image)) return undefined;
  const { imageId, progress, failure, createdMs } = image;
  const status = isBeingMade(image.status) ? 'Processing' : image.status === 'CreateFailed' ? 'Failed' : 'Finished';
  return { taskId, action: 'ImportImage', imageId, status, progress, failure, createdMs };
}
