import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { DeleteImageInput, DeleteImageOutput } from '../../../api/generated/ecs.ts';
import { deleteImage, findImage } from '../../../metadata/images.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { refuseWhileNeeded } from '../images/image-needs.ts';
import { publicImages } from '../images/public-images.ts';

/**
 * Removes an own image; an unknown id is a success (SDK, DeleteImage). Needs no key (decisions.md C4). Its snapshots stay,
 * and may be deleted from then on.
 */
export function DeleteImage(
  deps: Pick<EcsDependencies, 'database' | 'log'>,
): Action<DeleteImageInput, DeleteImageOutput> {
  return {
    product: 'ecs',
    name: 'DeleteImage',
    access: ({ input, caller, regionId }) => [ecsAccess('ecs:DeleteImage', caller, regionId, `image/${input.ImageId}`)],
    run: async ({ input, caller: { accountId }, regionId }) => {
      const { ImageId: imageId, Force: force, DryRun: dryRun } = input;
      if (publicImages(regionId).some((image) => image.imageId === imageId))
        throw new ApiError('ImageIsPublic', 403, `Image ${imageId} is a public one and stays; name one of your own.`);
      const isGone = await deps.database.transact(async (transaction) => {
        const image = await findImage(transaction, imageId);
        const isOwn = image?.accountId === accountId && image.regionId === regionId;
        if (isOwn) await refuseWhileNeeded(transaction, image, { force: force === true });
        if (dryRun === true)
          throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would delete the image.');
        if (isOwn) await deleteImage(transaction, imageId);
        return isOwn;
      });
      if (isGone) deps.log.info({ imageId, accountId, regionId }, 'image deleted');
      return {};
    },
  };
}
