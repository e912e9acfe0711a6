import type { DescribeKeyOutputKeyMetadata, DescribeKeyVersionOutputKeyVersion } from '../../api/generated/kms.ts';
import { isoSeconds } from '../../base/clock.ts';
import { keyArn } from '../../kms/key-reference.ts';
import type { Key } from '../../metadata/keys.ts';
import type { KeyVersion } from '../../metadata/key-versions.ts';

/** A key as CreateKey and DescribeKey show it; what does not apply is an empty string. Source: apis.md 0.6. */
export function keyMetadata(key: Key): DescribeKeyOutputKeyMetadata {
  const time = (ms: number | null): string => (ms === null ? '' : isoSeconds(ms));
  return {
    KeyId: key.keyId,
    Arn: keyArn(key, key.keyId),
    CreationDate: isoSeconds(key.createdMs),
    Creator: key.creator,
    Description: key.description,
    KeySpec: key.keySpec,
    KeyUsage: key.keyUsage,
    KeyState: key.keyState,
    Origin: key.origin,
    ProtectionLevel: key.protectionLevel,
    PrimaryKeyVersion: key.primaryVersionId,
    DeleteDate: time(key.deleteMs),
    MaterialExpireTime: time(key.materialExpireMs),
    LastRotationDate: time(key.lastRotationMs),
    ...rotation(key),
    DeletionProtection: key.deletionProtection ? 'Enabled' : 'Disabled',
    ...(key.deletionProtectionDescription === null
      ? {}
      : { DeletionProtectionDescription: key.deletionProtectionDescription }),
  };
}

export function keyVersionView(version: KeyVersion): DescribeKeyVersionOutputKeyVersion {
  const { keyId, keyVersionId, createdMs } = version;
  return { KeyId: keyId, KeyVersionId: keyVersionId, CreationDate: isoSeconds(createdMs) };
}

/** Interval and next date are shown while there is a rotation, also one that waits for the key. Source: facts.md 2.6. */
function rotation(
  key: Key,
): Pick<DescribeKeyOutputKeyMetadata, 'AutomaticRotation' | 'RotationInterval' | 'NextRotationDate'> {
  if (!key.automaticRotation) return { AutomaticRotation: 'Disabled' };
  return {
    AutomaticRotation: key.keyState === 'Enabled' ? 'Enabled' : 'Suspended',
    ...(key.rotationIntervalS === null ? {} : { RotationInterval: `${key.rotationIntervalS}s` }),
    ...(key.nextRotationMs === null ? {} : { NextRotationDate: isoSeconds(key.nextRotationMs) }),
  };
}
