import type { Action, Call } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { CreateImageInput, CreateImageOutput } from '../../../api/generated/ecs.ts';
import { findDisk } from '../../../metadata/disks.ts';
import { findImage } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { ecsAccess } from '../access.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { deviceOfSnapshot, mappedDevices, type SourcedDevice } from '../images/image-devices.ts';
import {
  checkedImageFamily,
  checkedImageName,
  checkedImageVersion,
  checkedSystem,
  refuseDuplicateName,
  type OperatingSystem,
} from '../images/image-text.ts';
import { addImage } from '../images/new-image.ts';
import { keyError } from '../key-errors.ts';
import { unknownRegion, unsupported } from '../refusals.ts';
import { findRegion } from '../regions.ts';
import { mintId } from '../resource-ids.ts';
import { checkedTags } from '../resource-tags.ts';
import { checkedDescription } from '../resource-text.ts';
import { dataKeyOfSnapshot, openDataKey } from '../stored-data-key.ts';

type Parts = Pick<EcsDependencies, 'database' | 'dataPlane' | 'dataKeys' | 'clock' | 'random' | 'log'>;

/**
 * Makes an image of an instance, of snapshots by device, or of the snapshot of a system disk; the first of them that is
 * given counts (facts.md 5.2). Encrypted disks need their keys to be usable (facts.md 2.3).
 */
export function CreateImage(deps: Parts): Action<CreateImageInput, CreateImageOutput> {
  return {
    product: 'ecs',
    name: 'CreateImage',
    access: ({ input, caller, regionId }) =>
      ['image/*', ...sourcesOf(input)].map((resource) => ecsAccess('ecs:CreateImage', caller, regionId, resource)),
    run: async (call) => {
      const { input, caller, regionId } = call;
      const texts = checkedTexts(input);
      const region = findRegion(regionId);
      if (region === undefined) throw unknownRegion(regionId);
      const owner = { accountId: caller.accountId, regionId };
      const imageId = mintId(deps.random, 'm', region);
      const answer = { idempotencyKey: call.idempotencyKey, output: { ImageId: imageId } };
      const fresh = { ...texts, ...owner, imageId, createdMs: deps.clock.nowMs() };
      const { read } = deps.database;
      const devices = await devicesAskedFor(read, call);
      const system = checkedSystem(input, await systemOf(read, devices));
      await refuseUnusableKeys(deps, devices);
      await refuseDuplicateName(read, owner, texts.name);
      if (input.DryRun === true)
        throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would make an image.');
      await deps.database.transact(async (transaction) => {
        // The snapshots may have gone meanwhile.
        const now = await devicesAskedFor(transaction, call);
        const kept = now.map(({ snapshot: _looked, ...device }) => device);
        const whole = { ...fresh, ...system, devices: kept, status: 'Available', progress: 100 } as const;
        await addImage(transaction, whole, answer);
      });
      deps.log.info({ imageId, ...owner }, 'image made');
      return answer.output;
    },
  };
}

function sourcesOf({ InstanceId, SnapshotId, DiskDeviceMapping }: CreateImageInput): readonly string[] {
  if (InstanceId !== undefined) return [`instance/${InstanceId}`];
  const ids = DiskDeviceMapping === undefined ? [SnapshotId] : DiskDeviceMapping.map((mapping) => mapping.SnapshotId);
  return [...new Set(ids)].filter((id) => id !== undefined && id !== '').map((id) => `snapshot/${id}`);
}

function checkedTexts(input: CreateImageInput) {
  if (input.Features !== undefined) throw unsupported('Features', 'this server keeps no features of images');
  if ((input.SecureBootOptions?.SecureBootSupport ?? 'unsupported') !== 'unsupported')
    throw unsupported('SecureBootOptions', 'this server does not boot images');
  if (input.ResourceGroupId !== undefined)
    throw new ApiError(
      'InvalidResourceGroup.NotFound',
      404,
      'There are no resource groups on this server; leave ResourceGroupId out.',
    );
  return {
    name: checkedImageName('ImageName', input.ImageName),
    version: checkedImageVersion(input.ImageVersion),
    family: checkedImageFamily(input.ImageFamily),
    description: checkedDescription(input.Description, { code: 'InvalidDescription.Malformed', httpStatus: 400 }),
    tags: checkedTags(input.Tag),
  };
}

async function devicesAskedFor(
  reader: Reader,
  { input, caller, regionId }: Call<CreateImageInput>,
): Promise<readonly SourcedDevice[]> {
  const owner = { accountId: caller.accountId, regionId };
  const { InstanceId: instanceId, DiskDeviceMapping: mapping, SnapshotId: snapshotId } = input;
  if (instanceId !== undefined && instanceId !== '')
    throw new ApiError('InvalidInstanceId.NotFound', 404, `There is no instance ${instanceId} in this account.`);
  if (mapping !== undefined && mapping.length > 0) return mappedDevices(reader, owner, mapping);
  if (snapshotId !== undefined && snapshotId !== '') return [await deviceOfSnapshot(reader, owner, snapshotId)];
  throw new ApiError(
    'InvalidParameter.AllEmpty',
    400,
    'Nothing to make an image of; give InstanceId, DiskDeviceMapping or SnapshotId.',
  );
}

/** What runs in it, as far as the disk that the snapshot of the system disk was taken of knows. */
async function systemOf(reader: Reader, [system]: readonly SourcedDevice[]): Promise<Partial<OperatingSystem>> {
  const disk = system?.snapshot === undefined ? undefined : await findDisk(reader, system.snapshot.sourceDiskId);
  const image =
    disk?.imageId === undefined || disk.imageId === null ? undefined : await findImage(reader, disk.imageId);
  if (image === undefined) return {};
  const { architecture, osType, platform, osName, bootMode } = image;
  return { architecture, osType, platform, osName, bootMode };
}

async function refuseUnusableKeys(deps: Parts, devices: readonly SourcedDevice[]): Promise<void> {
  for (const { snapshot } of devices) {
    if (snapshot?.encrypted !== true) continue;
    try {
      using _opened = await openDataKey(deps.dataKeys, dataKeyOfSnapshot(snapshot));
    } catch (error) {
      throw keyError(error, 'CreateImage');
    }
  }
}
