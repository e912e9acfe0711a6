/** Where disks can be encrypted. Data, so that a wider or newer profile is a change of this table alone. */
export interface EncryptionLimits {
  /** Categories of blank encrypted data disks. Source: decisions.md A4b. */
  readonly blankCategories: readonly string[];
  /**
   * Zones in which encryption can be chosen for a disk whose snapshot is not encrypted.
   * A disk from an encrypted snapshot is encrypted everywhere. Source: decisions.md A5.
   */
  readonly fromPlainSnapshotZones: readonly string[];
  /** Categories for the same. Source: the reference document, "加密数据盘"; decisions.md A4. */
  readonly fromPlainSnapshotCategories: readonly string[];
  /** Where encrypted images can be shared. Source: the reference document, "共享加密镜像"; decisions.md A1. */
  readonly sharingRegions: readonly string[];
}

/** What the reference document says. */
export const DOCUMENTED_LIMITS: EncryptionLimits = {
  blankCategories: ['cloud', 'cloud_efficiency', 'cloud_ssd', 'cloud_essd', 'cloud_essd_entry', 'cloud_auto'],
  fromPlainSnapshotZones: ['cn-hongkong-b', 'cn-hongkong-c', 'ap-southeast-1b', 'ap-southeast-1c'],
  fromPlainSnapshotCategories: ['cloud_essd'],
  sharingRegions: ['cn-beijing', 'cn-shanghai', 'cn-hongkong', 'ap-southeast-1'],
};
