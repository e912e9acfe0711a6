/** What a disk category and performance level allow. Sizes in GiB. Source: facts.md 3.3 (CreateDisk, DescribeDisks). */

export const PERFORMANCE_LEVELS = ['PL0', 'PL1', 'PL2', 'PL3'] as const;
export type PerformanceLevel = (typeof PERFORMANCE_LEVELS)[number];

export interface SizeRange {
  readonly minimumGiB: number;
  readonly maximumGiB: number;
}

interface Category extends SizeRange {
  /** A copy in every zone of the region: made without a zone. */
  readonly regional?: true;
  /** Starts empty always. */
  readonly noSnapshots?: true;
}

const CATEGORIES: Readonly<Record<string, Category>> = {
  cloud: { minimumGiB: 5, maximumGiB: 2000 },
  cloud_efficiency: { minimumGiB: 20, maximumGiB: 32768 },
  cloud_ssd: { minimumGiB: 20, maximumGiB: 32768 },
  cloud_essd: { minimumGiB: 20, maximumGiB: 65536 },
  cloud_auto: { minimumGiB: 1, maximumGiB: 65536 },
  cloud_essd_entry: { minimumGiB: 10, maximumGiB: 32768 },
  cloud_regional_disk_auto: { minimumGiB: 10, maximumGiB: 65536, regional: true },
  elastic_ephemeral_disk_standard: { minimumGiB: 64, maximumGiB: 8192, noSnapshots: true },
  elastic_ephemeral_disk_premium: { minimumGiB: 64, maximumGiB: 8192, noSnapshots: true },
};

const ESSD_MINIMUM_GIB: Readonly<Record<PerformanceLevel, number>> = { PL0: 1, PL1: 20, PL2: 461, PL3: 1261 };

export const DISK_CATEGORIES: readonly string[] = Object.keys(CATEGORIES);
export const DEFAULT_DISK_CATEGORY = 'cloud';
export const DEFAULT_PERFORMANCE_LEVEL: PerformanceLevel = 'PL1';

/** What CreateDisk can make. */
export function isDiskCategory(category: string): boolean {
  return Object.hasOwn(CATEGORIES, category);
}

export function isRegional(category: string): boolean {
  return CATEGORIES[category]?.regional === true;
}

export function startsEmptyAlways(category: string): boolean {
  return CATEGORIES[category]?.noSnapshots === true;
}

/** Only these have performance levels. */
export function hasPerformanceLevel(category: string): boolean {
  return category === 'cloud_essd';
}

export function isPerformanceLevel(level: string): level is PerformanceLevel {
  return PERFORMANCE_LEVELS.some((known) => known === level);
}

/** Undefined for a category that does not exist. */
export function sizeRange(category: string, level: PerformanceLevel | undefined): SizeRange | undefined {
  const range = Object.hasOwn(CATEGORIES, category) ? CATEGORIES[category] : undefined;
  if (range === undefined || level === undefined || !hasPerformanceLevel(category)) return range;
  return { minimumGiB: ESSD_MINIMUM_GIB[level], maximumGiB: range.maximumGiB };
}
