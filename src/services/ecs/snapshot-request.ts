import { ApiError } from '../../api/errors.ts';
import type { CreateSnapshotInput } from '../../api/generated/ecs.ts';
import type { Tag } from '../../metadata/tags.ts';
import { unsupported } from './refusals.ts';
import { checkedTags } from './resource-tags.ts';
import { checkedDescription, checkedSnapshotName } from './resource-text.ts';

/** Source: facts.md 4.4. */
const RETENTION_DAYS_MAX = 65536;

/** What CreateSnapshot asks for, checked. */
export interface SnapshotRequest {
  readonly name: string;
  readonly description: string;
  /** Null: kept until it is deleted. */
  readonly retentionDays: number | null;
  readonly tags: readonly Tag[];
}

export function checkedSnapshotRequest(input: CreateSnapshotInput): SnapshotRequest {
  checkCategory(input.Category);
  if (input.StorageLocationArn !== undefined) throw unsupported('StorageLocationArn', 'there is one store');
  if (input.ResourceGroupId !== undefined) {
    throw new ApiError(
      'InvalidResourceGroup.NotFound',
      404,
      'There are no resource groups on this server; leave ResourceGroupId out.',
    );
  }
  // InstantAccess and InstantAccessRetentionDays have no effect any more (facts.md 4.13): every snapshot is instant.
  return {
    name: checkedSnapshotName(input.SnapshotName),
    // 404 is this operation's documented status for it.
    description: checkedDescription(input.Description, { code: 'InvalidDescription.Malformed', httpStatus: 404 }),
    retentionDays: checkedRetentionDays(input.RetentionDays),
    tags: checkedTags(input.Tag),
  };
}

function checkCategory(category: string | undefined): void {
  const asked = category?.toLowerCase();
  if (asked === undefined || asked === 'standard') return;
  if (asked === 'flash' || asked === 'archive') throw unsupported('Category', 'only standard snapshots exist here');
  throw new ApiError('InvalidSnapshotCategory.Malformed', 403, 'Category must be standard.');
}

/** Null when it was not given. @throws {ApiError} InvalidRetentionDays.Malformed. */
export function checkedRetentionDays(days: number | undefined): number | null {
  if (days === undefined) return null;
  if (!Number.isSafeInteger(days) || days < 1 || days > RETENTION_DAYS_MAX) {
    throw new ApiError(
      'InvalidRetentionDays.Malformed',
      400,
      `RetentionDays must be 1 to ${RETENTION_DAYS_MAX}; leave it out to keep the snapshot until it is deleted.`,
    );
  }
  return days;
}
