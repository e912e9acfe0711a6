import type { DescribeKeyOutputKeyMetadata } from '../../api/generated/kms.ts';
import { isoSeconds } from '../../base/clock.ts';
import { keyArn } from '../../kms/key-reference.ts';
import type { Key } from '../../metadata/keys.ts';

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
    AutomaticRotation: key.automaticRotation ? 'Enabled' : 'Disabled',
    DeletionProtection: key.deletionProtection ? 'Enabled' : 'Disabled',
  };
}
