/**
 * The life of a disk and of a snapshot, as tables. PURE. Source: facts.md 3.4, 4.3, 4.5; decisions.md H.
 *
 * 1. A disk is Creating while its row exists and its files may not.
 * 2. Available: whole, and closed.
 * 3. In_use: attached to an instance, or open for NBD clients through one export.
 * 4. Deleting: hidden; its files may be gone already. Leads nowhere but out.
 */
export const DISK_STATUSES = [
  'Creating',
  'Available',
  'In_use',
  'Attaching',
  'Detaching',
  'ReIniting',
  'Deleting',
] as const;
export type DiskStatus = (typeof DISK_STATUSES)[number];

const DISK_TRANSITIONS: Readonly<Record<DiskStatus, readonly DiskStatus[]>> = {
  Creating: ['Available', 'Deleting'],
  Available: ['In_use', 'Attaching', 'ReIniting', 'Deleting'],
  In_use: ['Available', 'Detaching', 'ReIniting'],
  Attaching: ['In_use', 'Available'],
  Detaching: ['Available', 'In_use'],
  ReIniting: ['Available', 'In_use'],
  Deleting: [],
};

export const SNAPSHOT_STATUSES = ['progressing', 'accomplished', 'failed', 'deleting'] as const;
export type SnapshotStatus = (typeof SNAPSHOT_STATUSES)[number];

const SNAPSHOT_TRANSITIONS: Readonly<Record<SnapshotStatus, readonly SnapshotStatus[]>> = {
  progressing: ['accomplished', 'failed', 'deleting'],
  accomplished: ['deleting'],
  failed: ['deleting'],
  deleting: [],
};

export function diskMayBecome(from: DiskStatus, to: DiskStatus): boolean {
  return DISK_TRANSITIONS[from].includes(to);
}

export function snapshotMayBecome(from: SnapshotStatus, to: SnapshotStatus): boolean {
  return SNAPSHOT_TRANSITIONS[from].includes(to);
}

/** States that DescribeDisks shows; the others are ours alone. */
export const VISIBLE_DISK_STATUSES: readonly DiskStatus[] = DISK_STATUSES.filter((status) => status !== 'Deleting');

/** States that DescribeSnapshots shows. */
export const VISIBLE_SNAPSHOT_STATUSES: readonly SnapshotStatus[] = SNAPSHOT_STATUSES.filter(
  (status) => status !== 'deleting',
);

/** States from which a snapshot can be taken (facts.md 4.3). */
export const SNAPSHOT_DISK_STATUSES: readonly DiskStatus[] = ['Available', 'In_use'];
