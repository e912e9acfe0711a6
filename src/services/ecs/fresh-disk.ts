import type { Disk } from '../../metadata/disks.ts';

/** What every disk has when it is made. Source: facts.md 3.2 (DeleteAutoSnapshot and Portable true, pay-as-you-go). */
export const FRESH_DISK = {
  type: 'data',
  provisionedIops: null,
  burstingEnabled: false,
  status: 'Creating',
  imageId: null,
  imageOwnerId: null,
  deleteAutoSnapshot: true,
  deleteWithInstance: false,
  enableAutoSnapshot: true,
  autoSnapshotPolicyId: null,
  portable: true,
  chargeType: 'PostPaid',
  multiAttach: 'Disabled',
  resourceGroupId: null,
  instanceId: null,
  device: null,
  pin: null,
  attachedMs: null,
  detachedMs: null,
  everAttached: false,
} as const satisfies Partial<Disk>;
