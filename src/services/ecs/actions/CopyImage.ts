import type { Action, Call } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { CopyImageInput, CopyImageOutput } from '../../../api/generated/ecs.ts';
import { findDiskEncryptionDefault } from '../../../metadata/disk-encryption-defaults.ts';
import { insertSnapshot } from '../../../metadata/snapshots.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { checkEncryptionParameters } from '../disk-encryption.ts';
import { COPIES_AT_ONCE, countCopies } from '../images/image-copies.ts';
import { freshCopies } from '../images/image-copy-keys.ts';
import { decideCopy } from '../images/image-copy-request.ts';
import { checkedImageName, refuseDuplicateName } from '../images/image-text.ts';
import { usableImage, type UsableImage } from '../images/image-use.ts';
import { addImage } from '../images/new-image.ts';
import { findRegion, type Region } from '../regions.ts';
import { mintId } from '../resource-ids.ts';
import { checkedTags } from '../resource-tags.ts';
import { checkedDescription } from '../resource-text.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'dataKeys' | 'clock' | 'random' | 'log' | 'imageCopies'>;

/**
 * Copies an image: to another region, or within one to encrypt it or to put it under another key, then with new data keys and
 * everything sealed anew (decisions.md C13). Answers when the copy is written down and its keys are made; `ImageCopies` makes
 * it, five at once of an account and region (facts.md 5.5 to 5.8).
 */
export function CopyImage(deps: Parts): Action<CopyImageInput, CopyImageOutput> {
  return {
    product: 'ecs',
    name: 'CopyImage',
    access: ({ input, caller, regionId }) => [
      ecsAccess('ecs:CopyImage', caller, regionId, `image/${input.ImageId}`),
      ecsAccess('ecs:CopyImage', caller, input.DestinationRegionId ?? regionId, 'image/*'),
    ],
    run: async (call) => {
      const { input, caller, regionId } = call;
      const texts = checkedTexts(input);
      const destination = checkedRegions(call);
      const owner = { accountId: caller.accountId, regionId: destination.regionId };
      const source = await copyableImage(deps, call);
      const byDefault = await findDiskEncryptionDefault(deps.database.read, owner);
      const standing = { regionId, destinationId: destination.regionId, defaultKeyId: byDefault?.kmsKeyId };
      const encryption = decideCopy(input, source, standing);
      const imageId = mintId(deps.random, 'm', destination);
      const made = await freshCopies(deps, source, encryption, { ...owner, imageId, region: destination, call });
      await refuseDuplicateName(deps.database.read, owner, texts.name);
      if (input.DryRun === true)
        throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would copy the image.');
      const facts = factsOf(source);
      const answer = { idempotencyKey: call.idempotencyKey, output: { ImageId: imageId } };
      await deps.database.transact(async (transaction) => {
        // It may have been changed, deleted or unshared meanwhile.
        await usableImage({ ...deps, database: { read: transaction } }, caller, regionId, input.ImageId, 'copy');
        for (const { snapshot } of made) if (snapshot !== undefined) await insertSnapshot(transaction, snapshot);
        const isFull = (await countCopies(transaction, owner)) >= COPIES_AT_ONCE;
        const fresh = {
          ...facts,
          ...texts,
          ...owner,
          imageId,
          status: isFull ? 'Waiting' : 'Creating',
          devices: made.map(({ device }) => device),
          sourceImageId: input.ImageId,
          sourceRegionId: regionId,
          createdMs: deps.clock.nowMs(),
        } as const;
        await addImage(transaction, fresh, answer);
      });
      deps.log.info({ imageId, sourceImageId: input.ImageId, ...owner }, 'copy of an image begun');
      deps.imageCopies.wake();
      return answer.output;
    },
  };
}

function checkedTexts(input: CopyImageInput) {
  checkEncryptionParameters(input);
  if (input.ResourceGroupId !== undefined)
    throw new ApiError(
      'InvalidResourceGroup.NotFound',
      404,
      'There are no resource groups on this server; leave ResourceGroupId out.',
    );
  const refusal = { code: 'InvalidDescription.Malformed', httpStatus: 400 };
  return {
    name: checkedImageName('DestinationImageName', input.DestinationImageName),
    description: checkedDescription(input.DestinationDescription, refusal),
    tags: checkedTags(input.Tag),
  };
}

function checkedRegions({ input, regionId }: Call<CopyImageInput>): Region {
  const unknown = (code: string, id: string) =>
    new ApiError(code, 400, `There is no region ${id}; DescribeRegions lists the regions of this server.`);
  if (findRegion(regionId) === undefined) throw unknown('SourceRegion.NotFound', regionId);
  const destinationId = input.DestinationRegionId ?? regionId;
  const destination = findRegion(destinationId);
  if (destination === undefined) throw unknown('DestinationRegion.NotFound', destinationId);
  return destination;
}

async function copyableImage(deps: Parts, { input, caller, regionId }: Call<CopyImageInput>): Promise<UsableImage> {
  const source = await usableImage(deps, caller, regionId, input.ImageId, 'copy');
  if (source.origin !== 'public') return source;
  throw new ApiError(
    'OperationDenied',
    403,
    `Image ${input.ImageId} is a public one, and those are in every region; make an instance of it and an image of that.`,
  );
}

function factsOf({ image }: UsableImage) {
  const { version, architecture, osType, platform, osName, bootMode } = image;
  return { version, architecture, osType, platform, osName, bootMode };
}
