import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ExportImageInput, ExportImageOutput } from '../../../api/generated/ecs.ts';
import { insertImageExport, type ImageExport } from '../../../metadata/image-exports.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { refuseWhileExported } from '../images/image-needs.ts';
import { noImageStore } from '../images/image-store.ts';
import { isEncrypted, usableImage } from '../images/image-use.ts';
import { unknownImage, unknownRegion } from '../refusals.ts';
import { findRegion } from '../regions.ts';
import { mintId } from '../resource-ids.ts';

/** Source: SDK, ExportImage, OSSPrefix. */
const PREFIX = /^[A-Za-z0-9]{1,30}$/;

/**
 * Writes each disk of an own image into a file of the operator's store, raw or qcow2. Answers when that is written down;
 * `ImageFileWork` does it. What is encrypted does not leave as plain bytes (facts.md 5.6): `sealdisk disk send` moves it sealed.
 */
export function ExportImage(
  deps: Pick<EcsDependencies, 'database' | 'clock' | 'random' | 'log' | 'imageFiles'>,
): Action<ExportImageInput, ExportImageOutput> {
  return {
    product: 'ecs',
    name: 'ExportImage',
    access: ({ input, caller, regionId }) => [ecsAccess('ecs:ExportImage', caller, regionId, `image/${input.ImageId}`)],
    run: async ({ input, caller: { accountId }, regionId }) => {
      const { ImageId: imageId, OSSBucket: bucket, OSSPrefix: prefix = '' } = input;
      const format = checkedFormat(input.ImageFormat);
      if (prefix !== '' && !PREFIX.test(prefix))
        throw new ApiError('InvalidOSSPrefix.Malformed', 400, 'OSSPrefix has 1 to 30 letters and digits.');
      const region = findRegion(regionId);
      if (region === undefined) throw unknownRegion(regionId);
      const check = async (read: Reader): Promise<void> => {
        const image = await usableImage({ database: { read } }, { accountId }, regionId, imageId, 'instance');
        if (image.origin !== 'own') throw unknownImage(imageId, regionId);
        if (isEncrypted(image))
          throw new ApiError(
            'ImageNotSupported',
            403,
            `Image ${imageId} is encrypted, and is not written to a file in plain; send its snapshots with sealdisk disk send.`,
          );
        await refuseWhileExported(read, imageId);
      };
      await check(deps.database.read);
      const { store } = deps.imageFiles;
      if (store === undefined) throw noImageStore();
      await store.bucket(accountId, bucket);
      if (input.DryRun === true)
        throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would export the image.');
      const taskId = mintId(deps.random, 't', region);
      const row: ImageExport = {
        taskId,
        accountId,
        regionId,
        imageId,
        bucket,
        prefix,
        format,
        status: 'Running',
        progress: 0,
        failure: null,
        createdMs: deps.clock.nowMs(),
      };
      await deps.database.transact(async (transaction) => {
        await check(transaction);
        await insertImageExport(transaction, row);
      });
      deps.log.info({ taskId, imageId, accountId, regionId }, 'export of an image begun');
      deps.imageFiles.work.wake();
      return { TaskId: taskId, RegionId: regionId };
    },
  };
}

function checkedFormat(format = 'raw'): 'raw' | 'qcow2' {
  const asked = format.toLowerCase();
  if (asked === 'raw' || asked === 'qcow2') return asked;
  throw new ApiError(
    'InvalidImageFormat.Malformed',
    400,
    'ImageFormat is raw or qcow2; qemu-img makes others of them.',
  );
}
