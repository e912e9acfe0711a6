import type { Action, Call } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ImportImageInput, ImportImageOutput } from '../../../api/generated/ecs.ts';
import { messageOf, SystemError } from '../../../base/errors.ts';
import { GiB } from '../../../base/units.ts';
import type { ImageDevice } from '../../../metadata/images.ts';
import { insertSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { dataDevice, DEVICES_MAX, SYSTEM_DEVICE } from '../images/image-devices.ts';
import { noImageStore } from '../images/image-store.ts';
import { importTaskId } from '../images/image-tasks.ts';
import { checkedImageName, checkedSystem, refuseDuplicateName } from '../images/image-text.ts';
import { addImage } from '../images/new-image.ts';
import { formatOf, type FileFormat } from '../images/qemu-img.ts';
import { missing, unknownRegion, unsupported } from '../refusals.ts';
import { findRegion, type Region } from '../regions.ts';
import { mintId } from '../resource-ids.ts';
import { checkedTags } from '../resource-tags.ts';
import { checkedDescription } from '../resource-text.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataKeys' | 'clock' | 'random' | 'log' | 'imageFiles'>;
type Mapping = NonNullable<ImportImageInput['DiskDeviceMapping']>[number];

/** GiB. Source: SDK, ImportImage, DiskImageSize. */
const SIZE_MAX = 2048;

/**
 * Makes an image of files in the operator's store, raw or qcow2: the first is the system disk, the others data disks. Answers
 * when the files were looked at and the image is written down; `ImageFileWork` reads them. The image is not encrypted: copy it
 * with CopyImage for that.
 */
export function ImportImage(deps: Parts): Action<ImportImageInput, ImportImageOutput> {
  return {
    product: 'ecs',
    name: 'ImportImage',
    access: ({ caller, regionId }) => [ecsAccess('ecs:ImportImage', caller, regionId, 'image/*')],
    run: async (call) => {
      const { input, caller, regionId } = call;
      const texts = checkedTexts(input);
      const region = findRegion(regionId);
      if (region === undefined) throw unknownRegion(regionId);
      const owner = { accountId: caller.accountId, regionId };
      const devices = await checkedDevices(deps, call);
      await refuseDuplicateName(deps.database.read, owner, texts.name);
      if (input.DryRun === true)
        throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would import the image.');
      const imageId = mintId(deps.random, 'm', region);
      const taskId = importTaskId(imageId);
      const answer = { ImageId: imageId, TaskId: taskId, RegionId: regionId };
      const nowMs = deps.clock.nowMs();
      const snapshots = devices.map((device) => freshSnapshot(deps, owner, region, device, imageId));
      const fresh = {
        ...texts,
        ...owner,
        imageId,
        status: 'Creating',
        devices: devices.map((device, index) => ({ ...device, snapshotId: snapshots[index]?.snapshotId ?? null })),
        createdMs: nowMs,
      } as const;
      await deps.database.transact(async (transaction) => {
        for (const snapshot of snapshots) await insertSnapshot(transaction, snapshot);
        await addImage(transaction, fresh, { idempotencyKey: call.idempotencyKey, output: answer });
      });
      deps.log.info({ imageId, ...owner }, 'import of an image begun');
      deps.imageFiles.work.wake();
      return answer;
    },
  };
}

function checkedTexts(input: ImportImageInput) {
  if (input.Features !== undefined) throw unsupported('Features', 'this server keeps no features of images');
  if (input.StorageLocationArn !== undefined) throw unsupported('StorageLocationArn', 'there is one store');
  if (input.LicenseType !== undefined && !['', 'Auto', 'BYOL'].includes(input.LicenseType))
    throw unsupported('LicenseType', 'this server brings no licences; BYOL is accepted');
  if (input.ResourceGroupId !== undefined)
    throw new ApiError(
      'InvalidResourceGroup.NotFound',
      404,
      'There are no resource groups on this server; leave ResourceGroupId out.',
    );
  const { OSType } = input;
  if (OSType !== undefined && OSType !== 'linux' && OSType !== 'windows')
    throw new ApiError('InvalidOSType.Malformed', 400, 'OSType is linux or windows.');
  const system = checkedSystem(input);
  return {
    ...system,
    osType: OSType ?? system.osType,
    name: checkedImageName('ImageName', input.ImageName),
    description: checkedDescription(input.Description, { code: 'InvalidDescription.Malformed', httpStatus: 400 }),
    tags: checkedTags(input.Tag),
  };
}

async function checkedDevices(deps: Parts, { input, caller }: Call<ImportImageInput>): Promise<readonly ImageDevice[]> {
  const { DiskDeviceMapping: mappings = [] } = input;
  if (mappings.length === 0)
    throw new ApiError('MissingParameter.DiskDeviceMapping', 403, 'Give a file for each disk in DiskDeviceMapping.');
  if (mappings.length > DEVICES_MAX)
    throw new ApiError(
      'InvalidParameter',
      400,
      `An image has at most ${DEVICES_MAX} disks, one of them a system disk.`,
    );
  const devices: ImageDevice[] = [];
  for (const [index, mapping] of mappings.entries())
    devices.push(await checkedDevice(deps, caller.accountId, index, mapping));
  return devices;
}

async function checkedDevice(
  { imageFiles }: Parts,
  accountId: string,
  index: number,
  { Device, Format, OSSBucket: bucket, OSSObject: object, DiskImageSize, DiskImSize }: Mapping,
): Promise<ImageDevice> {
  if (bucket === undefined || object === undefined) throw missing('OSSBucket', 'OSSBucket and OSSObject name the file');
  if (Format !== undefined && !['', 'RAW', 'QCOW2'].includes(Format.toUpperCase()))
    throw new ApiError(
      'InvalidImageFormat.Malformed',
      400,
      'Format is RAW or QCOW2; convert other files with qemu-img.',
    );
  const device = index === 0 ? SYSTEM_DEVICE : dataDevice(index);
  if (Device !== undefined && Device !== '' && Device !== device)
    throw new ApiError(
      'InvalidParameter',
      400,
      `The disks are named in order; leave Device out, or set it to ${device}.`,
    );
  const { store, converter } = imageFiles;
  if (store === undefined) throw noImageStore();
  const file = await store.find(accountId, bucket, object);
  const format = Format ? (Format.toLowerCase() as FileFormat) : await formatOf(file);
  const { sizeBytes } = await converter.inspect(file, format).catch((error: unknown) => {
    throw fileError(error);
  });
  const needed = Math.max(1, Math.ceil(sizeBytes / GiB));
  const sizeGib = DiskImageSize ?? DiskImSize ?? needed;
  if (!Number.isSafeInteger(sizeGib) || sizeGib < needed || sizeGib > SIZE_MAX)
    throw new ApiError(
      index === 0 ? 'InvalidImageSize' : 'InvalidDataDiskSize',
      400,
      `The disk in ${object} needs ${needed} GiB; DiskImageSize is that at least, and at most ${SIZE_MAX}.`,
    );
  const imported = { format: format.toUpperCase(), bucket, object };
  return { device, type: index === 0 ? 'system' : 'data', snapshotId: null, sizeGib, imported };
}

function fileError(error: unknown): unknown {
  if (!(error instanceof SystemError)) return error;
  if (error.kind === 'unavailable') return new ApiError('ServiceUnavailable', 503, messageOf(error), { cause: error });
  return new ApiError('InvalidImageFormat.Malformed', 400, messageOf(error), { cause: error });
}

function freshSnapshot(
  deps: Parts,
  owner: { readonly accountId: string; readonly regionId: string },
  region: Region,
  { type, sizeGib }: ImageDevice,
  imageId: string,
): Snapshot {
  const storeId = mintId(deps.random, 'd', region);
  const { suite, plaintext, wrapped } = deps.dataKeys.generatePlain({ diskId: storeId });
  plaintext.fill(0);
  const nowMs = deps.clock.nowMs();
  return {
    ...owner,
    snapshotId: mintId(deps.random, 's', region),
    sourceDiskId: storeId,
    sourceDiskType: type,
    sourceInstanceId: null,
    name: '',
    description: `Imported for image ${imageId}.`,
    type: 'user',
    category: 'standard',
    sizeGib,
    status: 'progressing',
    progress: 0,
    encrypted: false,
    kmsKeyId: null,
    suite,
    wrappedKey: wrapped,
    wrappedBy: 'root',
    pin: null,
    retentionDays: null,
    resourceGroupId: null,
    tags: [],
    createdMs: nowMs,
    modifiedMs: nowMs,
  };
}
