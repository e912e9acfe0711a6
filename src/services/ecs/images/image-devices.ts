import { ApiError } from '../../../api/errors.ts';
import type { CreateImageInput } from '../../../api/generated/ecs.ts';
import type { ImageDevice } from '../../../metadata/images.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { findSnapshot, type Snapshot } from '../../../metadata/snapshots.ts';
import { unknownSnapshot } from '../refusals.ts';

/** The disks of an image that is made of snapshots. Source: facts.md 5.2, 5.3; SDK, CreateImage, DiskDeviceMapping. */

export const SYSTEM_DEVICE = '/dev/xvda';
/** One system disk and 16 others. */
export const DEVICES_MAX = 17;
const DATA_DEVICE = /^\/dev\/xvd[b-z]$/;
/** GiB of a disk that starts blank. */
const BLANK = { minimum: 5, maximum: 32_768, otherwise: 20 };

type Mapping = NonNullable<CreateImageInput['DiskDeviceMapping']>[number];

interface Owner {
  readonly accountId: string;
  readonly regionId: string;
}

/** A disk of an image, with the snapshot that it is made from. */
export interface SourcedDevice extends ImageDevice {
  readonly snapshot: Snapshot | undefined;
}

/** `/dev/xvdb` for 1, and so on. */
export function dataDevice(index: number): string {
  return `/dev/xvd${String.fromCharCode('a'.charCodeAt(0) + index)}`;
}

/** The one disk of an image that is made of the snapshot of a system disk. */
export async function deviceOfSnapshot(reader: Reader, owner: Owner, snapshotId: string): Promise<SourcedDevice> {
  const snapshot = await ownSnapshot(reader, owner, snapshotId);
  if (snapshot.sourceDiskType !== 'system')
    throw new ApiError(
      'InvalidSystemSnapshot.Missing',
      403,
      `Snapshot ${snapshotId} is of a data disk; give DiskDeviceMapping with DiskType=system to boot from it all the same.`,
    );
  refuseEncryptedSystem(snapshot);
  return { device: SYSTEM_DEVICE, type: 'system', snapshotId, sizeGib: snapshot.sizeGib, snapshot };
}

/** The disks that a mapping names, the system disk first. */
export async function mappedDevices(
  reader: Reader,
  owner: Owner,
  mappings: readonly Mapping[],
): Promise<readonly SourcedDevice[]> {
  if (mappings.length > DEVICES_MAX)
    throw new ApiError(
      'InvalidParameter',
      400,
      `An image has at most ${DEVICES_MAX} disks, one of them a system disk.`,
    );
  const found: SourcedDevice[] = [];
  for (const mapping of mappings) found.push(await mappedDevice(reader, owner, mapping));
  const [system, second] = found.filter(({ type }) => type === 'system');
  if (system === undefined)
    throw new ApiError(
      'InvalidSystemSnapshot.Missing',
      403,
      'One of the disks has to be a system disk, of a snapshot.',
    );
  if (second !== undefined)
    throw new ApiError('InvalidDevice.InUse', 400, 'An image has one system disk; make the others data disks.');
  return [{ ...system, device: SYSTEM_DEVICE }, ...named(found.filter(({ type }) => type === 'data'))];
}

async function mappedDevice(reader: Reader, owner: Owner, mapping: Mapping): Promise<SourcedDevice> {
  const { Device: device = '', DiskType: asked, Size: size } = mapping;
  const snapshotId = mapping.SnapshotId || undefined;
  if (asked !== undefined && asked !== 'system' && asked !== 'data')
    throw new ApiError('InvalidDiskType.ValueNotSupported', 400, 'DiskType is system or data.');
  const snapshot = snapshotId === undefined ? undefined : await ownSnapshot(reader, owner, snapshotId);
  const type = asked ?? snapshot?.sourceDiskType ?? 'data';
  if (device !== '' && (type === 'system' ? device !== SYSTEM_DEVICE : !DATA_DEVICE.test(device)))
    throw new ApiError(
      'InvalidDevice.Malformed',
      400,
      `The device of a system disk is ${SYSTEM_DEVICE}, that of a data disk one of /dev/xvdb to /dev/xvdz; or leave Device out.`,
    );
  if (type === 'system') checkSystem(snapshot);
  if (type === 'data' && snapshot?.sourceDiskType === 'system')
    throw new ApiError(
      'InvalidDiskType.ValueNotSupported',
      400,
      `Snapshot ${snapshotId} is of a system disk; leave DiskType out, or set it to system.`,
    );
  return { device, type, snapshotId: snapshotId ?? null, sizeGib: checkedSize(size, snapshot), snapshot };
}

/** Data disks without a device get the first ones that are free. */
function named(devices: readonly SourcedDevice[]): readonly SourcedDevice[] {
  const taken = new Set<string>();
  for (const { device } of devices) {
    if (device !== '' && taken.has(device))
      throw new ApiError('InvalidDevice.InUse', 400, `Device ${device} is given twice; each disk has its own.`);
    taken.add(device);
  }
  return devices.map((one) => {
    if (one.device !== '') return one;
    let index = 1;
    while (taken.has(dataDevice(index))) index += 1;
    taken.add(dataDevice(index));
    return { ...one, device: dataDevice(index) };
  });
}

function checkSystem(snapshot: Snapshot | undefined): void {
  if (snapshot === undefined)
    throw new ApiError('InvalidSystemSnapshot.Missing', 403, 'A system disk needs a SnapshotId to be made from.');
  if (snapshot.encrypted && snapshot.sourceDiskType === 'data')
    throw new ApiError(
      'InvalidParameter.DiskType',
      400,
      `Snapshot ${snapshot.snapshotId} is of an encrypted data disk, which cannot become a system disk.`,
    );
  refuseEncryptedSystem(snapshot);
}

/** Source: facts.md 5.3. */
function refuseEncryptedSystem({ snapshotId, encrypted }: Snapshot): void {
  if (!encrypted) return;
  throw new ApiError(
    'OperationDenied',
    400,
    `Snapshot ${snapshotId} is encrypted, and an image is not made of it alone; give the InstanceId of the instance instead.`,
  );
}

function checkedSize(size: number | undefined, snapshot: Snapshot | undefined): number {
  const refuse = (why: string) => new ApiError('InvalidSize.ValueNotSupported', 400, why);
  if (size !== undefined && !Number.isSafeInteger(size)) throw refuse('Size is a whole number of GiB, such as 20.');
  const sizeGib = size ?? snapshot?.sizeGib ?? BLANK.otherwise;
  const minimum = snapshot?.sizeGib ?? BLANK.minimum;
  if (sizeGib >= minimum && sizeGib <= BLANK.maximum) return sizeGib;
  throw refuse(`Size is ${minimum} to ${BLANK.maximum} GiB for this disk, not ${sizeGib}.`);
}

async function ownSnapshot(reader: Reader, { accountId, regionId }: Owner, snapshotId: string): Promise<Snapshot> {
  const snapshot = await findSnapshot(reader, snapshotId);
  if (snapshot?.accountId !== accountId || snapshot.regionId !== regionId || snapshot.status === 'deleting')
    throw unknownSnapshot(snapshotId, regionId);
  if (snapshot.status !== 'accomplished')
    throw new ApiError('InvalidSnapshotId.NotReady', 403, `Snapshot ${snapshotId} is ${snapshot.status}; wait for it.`);
  return snapshot;
}
