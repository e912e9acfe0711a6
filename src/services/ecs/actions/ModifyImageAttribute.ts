import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ModifyImageAttributeInput, ModifyImageAttributeOutput } from '../../../api/generated/ecs.ts';
import { findImage, updateImage, type Image } from '../../../metadata/images.ts';
import type { Transaction } from '../../../metadata/reader.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { isUsable } from '../images/image-lifecycle.ts';
import { refuseWhileShared } from '../images/image-needs.ts';
import { moveImage } from '../images/image-status.ts';
import { checkedBootMode, checkedImageFamily, checkedImageName, refuseDuplicateName } from '../images/image-text.ts';
import { missing, unknownImage, unsupported } from '../refusals.ts';
import { checkedDescription } from '../resource-text.ts';

type Texts = Partial<Pick<Image, 'name' | 'description' | 'family' | 'bootMode'>>;

/**
 * Changes what people are told about an own image (an empty description: none), and deprecates or restores it: a
 * deprecated image is neither shared nor copied, and instances are still made of it (facts.md 5.9; decisions.md D6).
 */
export function ModifyImageAttribute(
  deps: Pick<EcsDependencies, 'database'>,
): Action<ModifyImageAttributeInput, ModifyImageAttributeOutput> {
  return {
    product: 'ecs',
    name: 'ModifyImageAttribute',
    access: ({ input, caller, regionId }) => [
      ecsAccess('ecs:ModifyImageAttribute', caller, regionId, `image/${input.ImageId}`),
    ],
    run: async ({ input, caller, regionId }) => {
      const { ImageId: imageId } = input;
      const changes = checkedTexts(input);
      const status = checkedStatus(input.Status);
      if (Object.keys(changes).length === 0 && status === undefined)
        throw missing('ImageName', 'give at least one of ImageName, Description, ImageFamily, BootMode and Status');
      await deps.database.transact(async (transaction) => {
        const image = await findImage(transaction, imageId);
        if (image?.accountId !== caller.accountId || image.regionId !== regionId) throw unknownImage(imageId, regionId);
        if (changes.name !== undefined && changes.name !== image.name)
          await refuseDuplicateName(transaction, image, changes.name);
        if (status !== undefined) await changeStatus(transaction, image, status);
        if (input.DryRun === true)
          throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would change the image.');
        await updateImage(transaction, imageId, changes);
      });
      return {};
    },
  };
}

function checkedTexts(input: ModifyImageAttributeInput): Texts {
  if (input.Features !== undefined) throw unsupported('Features', 'this server keeps no features of images');
  if (input.LicenseType !== undefined && !['', 'Auto', 'BYOL'].includes(input.LicenseType))
    throw unsupported('LicenseType', 'this server brings no licences; BYOL is accepted');
  const name = checkedImageName('ImageName', input.ImageName);
  const family = checkedImageFamily(input.ImageFamily);
  const bootMode = checkedBootMode(input.BootMode);
  return {
    ...(name !== '' && { name }),
    ...(family !== '' && { family }),
    ...(bootMode !== undefined && { bootMode }),
    ...(input.Description !== undefined && {
      description: checkedDescription(input.Description, { code: 'InvalidDescription.Malformed', httpStatus: 400 }),
    }),
  };
}

function checkedStatus(status: string | undefined): 'Available' | 'Deprecated' | undefined {
  if (status === undefined || status === '') return undefined;
  if (status === 'Available' || status === 'Deprecated') return status;
  throw new ApiError('InvalidParameter', 400, 'Status is Deprecated or Available.');
}

async function changeStatus(transaction: Transaction, image: Image, status: 'Available' | 'Deprecated'): Promise<void> {
  const { imageId } = image;
  if (!isUsable(image.status))
    throw new ApiError('IncorrectImageStatus', 400, `Image ${imageId} is ${image.status}; wait until it is Available.`);
  if (status === 'Deprecated') await refuseWhileShared(transaction, imageId);
  if (image.status !== status) await moveImage(transaction, imageId, status);
}
