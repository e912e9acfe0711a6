import { isoSeconds } from '../../base/clock.ts';
import type { DescribeSnapshotsOutputSnapshot } from '../../api/generated/ecs.ts';
import type { Snapshot } from '../../metadata/snapshots.ts';
import { wireTags } from './resource-tags.ts';

/**
 * A snapshot as DescribeSnapshots answers it. Sizes of disks are strings here, unlike in DescribeDisks (apis.md 0.1).
 * @param usage what was made from it: `disk`, `image`, both, or `none`.
 */
export function snapshotView(snapshot: Snapshot, usage: string): DescribeSnapshotsOutputSnapshot {
  return {
    SnapshotId: snapshot.snapshotId,
    SnapshotName: snapshot.name,
    Description: snapshot.description,
    RegionId: snapshot.regionId,
    Status: snapshot.status,
    Progress: `${snapshot.progress}%`,
    RemainTime: 0,
    Available: snapshot.status === 'accomplished',
    Encrypted: snapshot.encrypted,
    KMSKeyId: snapshot.kmsKeyId ?? '',
    SourceDiskId: snapshot.sourceDiskId,
    SourceDiskType: snapshot.sourceDiskType,
    SourceDiskSize: String(snapshot.sizeGib),
    SourceStorageType: 'disk',
    SourceRegionId: '',
    SourceSnapshotId: '',
    SnapshotType: snapshot.type,
    SnapshotLinkId: snapshotLinkId(snapshot.sourceDiskId),
    SnapshotSN: '',
    Category: snapshot.category,
    Usage: usage,
    InstantAccess: false,
    RetentionDays: snapshot.retentionDays ?? undefined,
    CreationTime: isoSeconds(snapshot.createdMs),
    LastModifiedTime: isoSeconds(snapshot.modifiedMs),
    ProductCode: '',
    ResourceGroupId: snapshot.resourceGroupId ?? '',
    Tags: wireTags(snapshot.tags),
  };
}

/** All snapshots of a disk form one chain, named after the disk. */
function snapshotLinkId(diskId: string): string {
  return `sl-${diskId.slice(2)}`;
}

/** The disk of a chain, or undefined when the id cannot be one. */
export function diskOfSnapshotLink(linkId: string): string | undefined {
  return /^sl-[a-z0-9]{20}$/.test(linkId) ? `d-${linkId.slice(3)}` : undefined;
}
