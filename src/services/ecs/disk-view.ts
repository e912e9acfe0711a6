import { isoSeconds } from '../../base/clock.ts';
import type { DescribeDisksOutputDisk } from '../../api/generated/ecs.ts';
import type { Disk } from '../../metadata/disks.ts';
import { isRegional } from './disk-categories.ts';
import { findRegion } from './regions.ts';
import { wireTags } from './resource-tags.ts';

/**
 * A disk as DescribeDisks answers it: absent texts are '', flags are real booleans, lists are there even when empty.
 * Source: apis.md 0.6; clients.md section 3 (terraform stops on other types).
 */
export function diskView(disk: Disk): DescribeDisksOutputDisk {
  const attachedTime = timeOr(disk.attachedMs, '');
  const attachments =
    disk.instanceId === null
      ? []
      : [{ InstanceId: disk.instanceId, Device: disk.device ?? '', AttachedTime: attachedTime }];
  return {
    DiskId: disk.diskId,
    DiskName: disk.name,
    Description: disk.description,
    RegionId: disk.regionId,
    ZoneId: disk.zoneId,
    Type: disk.type,
    Category: disk.category,
    PerformanceLevel: disk.performanceLevel ?? '',
    ProvisionedIops: disk.provisionedIops ?? undefined,
    BurstingEnabled: disk.burstingEnabled,
    Size: disk.sizeGib,
    Status: disk.status,
    Encrypted: disk.encrypted,
    KMSKeyId: disk.kmsKeyId ?? '',
    InstanceId: disk.instanceId ?? '',
    Device: disk.device ?? '',
    Attachments: { Attachment: attachments },
    MountInstances: { MountInstance: [] },
    MountInstanceNum: 0,
    ImageId: disk.imageId ?? '',
    SourceSnapshotId: disk.sourceSnapshotId ?? '',
    SourceDiskId: '',
    // The vendor's serial numbers are the id without its prefix; guests find the disk by it.
    SerialNumber: disk.diskId.slice(2),
    DiskChargeType: disk.chargeType,
    Portable: disk.portable,
    DeleteWithInstance: disk.deleteWithInstance,
    DeleteAutoSnapshot: disk.deleteAutoSnapshot,
    EnableAutoSnapshot: disk.enableAutoSnapshot,
    EnableAutomatedSnapshotPolicy: disk.autoSnapshotPolicyId !== null,
    AutoSnapshotPolicyId: disk.autoSnapshotPolicyId ?? '',
    CreationTime: isoSeconds(disk.createdMs),
    AttachedTime: attachedTime,
    DetachedTime: timeOr(disk.detachedMs, ''),
    // Pay-as-you-go disks never expire; clients expect this date.
    ExpiredTime: '2999-09-08T16:00Z',
    OperationLocks: { OperationLock: [] },
    Tags: wireTags(disk.tags),
    ResourceGroupId: disk.resourceGroupId ?? '',
    ProductCode: '',
    BdfId: '',
    StorageSetId: '',
    StorageClusterId: '',
    MultiAttach: disk.multiAttach,
    // This server limits neither.
    IOPS: 0,
    Throughput: 0,
  };
}

/** The zones that hold a copy of a regional disk; only those disks have a placement. */
export function placementOf(disk: Disk): { readonly ZoneIds: string } | undefined {
  if (!isRegional(disk.category)) return undefined;
  return { ZoneIds: (findRegion(disk.regionId)?.zoneIds ?? []).join(',') };
}

function timeOr(ms: number | null, absent: string): string {
  return ms === null ? absent : isoSeconds(ms);
}
