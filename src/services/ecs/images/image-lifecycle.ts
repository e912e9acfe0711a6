import type { ImageStatus } from '../../../metadata/images.ts';

/**
 * The life of an image, as a table. PURE. Source: facts.md 5.8, 5.9.
 *
 * 1. Waiting: a copy that begins when others of the region have ended.
 * 2. Creating: its row exists, and the snapshots of its disks may not.
 * 3. Available: whole. Deprecated: whole, and neither shared nor copied any more; instances are still made of it.
 * 4. CreateFailed: nothing is left of it but the reason. UnAvailable is never entered here.
 */
export const IMAGE_STATUSES = [
  'Waiting',
  'Creating',
  'Available',
  'UnAvailable',
  'CreateFailed',
  'Deprecated',
] as const;

const TRANSITIONS: Readonly<Record<ImageStatus, readonly ImageStatus[]>> = {
  Waiting: ['Creating', 'CreateFailed'],
  Creating: ['Available', 'CreateFailed'],
  Available: ['Deprecated'],
  Deprecated: ['Available'],
  UnAvailable: [],
  CreateFailed: [],
};

export function imageMayBecome(from: ImageStatus, to: ImageStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** Those in which instances are made of an image. */
export function isUsable(status: ImageStatus): boolean {
  return status === 'Available' || status === 'Deprecated';
}

/** Those in which it is still being made. */
export function isBeingMade(status: ImageStatus): boolean {
  return status === 'Waiting' || status === 'Creating';
}
