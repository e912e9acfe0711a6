import type { Action } from '../../api/action.ts';
import { AddTags } from './actions/AddTags.ts';
import { CancelCopyImage } from './actions/CancelCopyImage.ts';
import { CopyImage } from './actions/CopyImage.ts';
import { CreateDisk } from './actions/CreateDisk.ts';
import { CreateImage } from './actions/CreateImage.ts';
import { CreateSnapshot } from './actions/CreateSnapshot.ts';
import { DeleteDisk } from './actions/DeleteDisk.ts';
import { DeleteImage } from './actions/DeleteImage.ts';
import { DeleteSnapshot } from './actions/DeleteSnapshot.ts';
import { DescribeDiskDefaultKMSKeyId } from './actions/DescribeDiskDefaultKMSKeyId.ts';
import { DescribeDiskEncryptionByDefaultStatus } from './actions/DescribeDiskEncryptionByDefaultStatus.ts';
import { DescribeDisks } from './actions/DescribeDisks.ts';
import { DescribeImageFromFamily } from './actions/DescribeImageFromFamily.ts';
import { DescribeImages } from './actions/DescribeImages.ts';
import { DescribeImageSharePermission } from './actions/DescribeImageSharePermission.ts';
import { DescribeRegions } from './actions/DescribeRegions.ts';
import { DescribeSnapshots } from './actions/DescribeSnapshots.ts';
import { DescribeTags } from './actions/DescribeTags.ts';
import { DescribeTaskAttribute } from './actions/DescribeTaskAttribute.ts';
import { DescribeZones } from './actions/DescribeZones.ts';
import { DisableDiskEncryptionByDefault } from './actions/DisableDiskEncryptionByDefault.ts';
import { EnableDiskEncryptionByDefault } from './actions/EnableDiskEncryptionByDefault.ts';
import { ExportImage } from './actions/ExportImage.ts';
import { ImportImage } from './actions/ImportImage.ts';
import { ListTagResources } from './actions/ListTagResources.ts';
import { ModifyDiskAttribute } from './actions/ModifyDiskAttribute.ts';
import { ModifyDiskDefaultKMSKeyId } from './actions/ModifyDiskDefaultKMSKeyId.ts';
import { ModifyImageSharePermission } from './actions/ModifyImageSharePermission.ts';
import { ModifyImageAttribute } from './actions/ModifyImageAttribute.ts';
import { ModifySnapshotAttribute } from './actions/ModifySnapshotAttribute.ts';
import { RemoveTags } from './actions/RemoveTags.ts';
import { ResetDiskDefaultKMSKeyId } from './actions/ResetDiskDefaultKMSKeyId.ts';
import { ResizeDisk } from './actions/ResizeDisk.ts';
import { TagResources } from './actions/TagResources.ts';
import { UntagResources } from './actions/UntagResources.ts';
import type { EcsDependencies } from './dependencies.ts';

/** Every ECS operation there is. */
export function ecsActions(deps: EcsDependencies): readonly Action[] {
  return [
    DescribeRegions(deps),
    DescribeZones(),
    CreateDisk(deps),
    DescribeDisks(deps),
    DeleteDisk(deps),
    ResizeDisk(deps),
    ModifyDiskAttribute(deps),
    CreateSnapshot(deps),
    DescribeSnapshots(deps),
    DeleteSnapshot(deps),
    ModifySnapshotAttribute(deps),
    ModifyImageSharePermission(deps),
    DescribeImageSharePermission(deps),
    EnableDiskEncryptionByDefault(deps),
    DisableDiskEncryptionByDefault(deps),
    DescribeDiskEncryptionByDefaultStatus(deps),
    ModifyDiskDefaultKMSKeyId(deps),
    ResetDiskDefaultKMSKeyId(deps),
    DescribeDiskDefaultKMSKeyId(deps),
    DescribeImages(deps),
    CreateImage(deps),
    ImportImage(deps),
    ExportImage(deps),
    DescribeTaskAttribute(deps),
    CopyImage(deps),
    CancelCopyImage(deps),
    DeleteImage(deps),
    ModifyImageAttribute(deps),
    DescribeImageFromFamily(deps),
    TagResources(deps),
    UntagResources(deps),
    ListTagResources(deps),
    AddTags(deps),
    RemoveTags(deps),
    DescribeTags(deps),
  ];
}
