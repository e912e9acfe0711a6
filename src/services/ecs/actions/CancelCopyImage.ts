import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { CancelCopyImageInput, CancelCopyImageOutput } from '../../../api/generated/ecs.ts';
import { findImage, updateImage } from '../../../metadata/images.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { CANCELLED, isCopy } from '../images/image-copies.ts';
import { isBeingMade } from '../images/image-lifecycle.ts';
import { unknownImage } from '../refusals.ts';

/**
 * Ends the copying of an image: what there is of the copy goes soon after, and with it the copy. Needs no key. Doing so twice
 * is no error. Source: SDK, CancelCopyImage; apis.md.
 */
export function CancelCopyImage(
  deps: Pick<EcsDependencies, 'database' | 'log' | 'imageCopies'>,
): Action<CancelCopyImageInput, CancelCopyImageOutput> {
  return {
    product: 'ecs',
    name: 'CancelCopyImage',
    access: ({ input, caller, regionId }) => [
      ecsAccess('ecs:CancelCopyImage', caller, regionId, `image/${input.ImageId}`),
    ],
    run: async ({ input, caller: { accountId }, regionId }) => {
      const { ImageId: imageId } = input;
      await deps.database.transact(async (transaction) => {
        const image = await findImage(transaction, imageId);
        if (image?.accountId !== accountId || image.regionId !== regionId) throw unknownImage(imageId, regionId);
        if (!isCopy(image))
          throw new ApiError('ImageCreatedNotFromCopy', 400, `Image ${imageId} is no copy; DeleteImage removes it.`);
        if (!isBeingMade(image.status))
          throw new ApiError(
            'IncorrectImageStatus',
            400,
            `Image ${imageId} is ${image.status}, so there is nothing to cancel; DeleteImage removes it.`,
          );
        const failure = { code: CANCELLED, message: 'The copy was cancelled.' };
        await updateImage(transaction, imageId, { failure });
      });
      deps.log.info({ imageId, accountId, regionId }, 'copy of an image cancelled');
      deps.imageCopies.wake();
      return {};
    },
  };
}
