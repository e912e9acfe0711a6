import { ApiError } from '../../api/errors.ts';
import type { CreateKeyInput } from '../../api/generated/kms.ts';
import { isKeySpec, KEY_SPECS } from '../../kms/key-specs.ts';
import type { KeySpecRules } from '../../kms/key-specs.ts';
import type { NewKey } from '../../kms/keys.ts';
import { versioningOf } from '../../kms/rotation-policy.ts';
import type { Key } from '../../metadata/keys.ts';
import { invalidParameter } from './errors.ts';
import { keyPolicyParameter } from './key-policy.ts';
import { descriptionParameter } from './parameter-values.ts';
import { rotationParameters } from './rotation-parameters.ts';
import { tagListParameter } from './tag-parameters.ts';

/** What CreateKey asks for; who asks is not among its parameters. */
export type NewKeyRequest = Omit<NewKey, 'creator' | 'creatorType'>;

/** The values of CreateKey. Source: facts.md 2.6 and 2.9. @throws {ApiError} */
export function parseNewKey(input: CreateKeyInput): NewKeyRequest {
  const { KeySpec: keySpec = 'Aliyun_AES_256', Description: description = '' } = input;
  refuseWhatIsNotDone(input);
  if (!isKeySpec(keySpec)) throw invalidParameter('KeySpec', `one of ${Object.keys(KEY_SPECS).join(', ')}`);
  const { usages } = KEY_SPECS[keySpec];
  const keyUsage = usages.find((usage) => usage === (input.KeyUsage ?? usages[0]));
  if (keyUsage === undefined) throw invalidParameter('KeyUsage', `one of ${usages.join(', ')} for a key of this spec`);
  const origin = originOf(input, KEY_SPECS[keySpec]);
  const rotationIntervalS = rotationParameters(input.EnableAutomaticRotation, input.RotationInterval);
  if (rotationIntervalS !== undefined && versioningOf({ keySpec, keyUsage, origin }) !== 'automatic')
    throw invalidParameter('EnableAutomaticRotation', 'false for keys that are not symmetric or not made by KMS');
  return {
    keySpec,
    keyUsage,
    origin,
    description: descriptionParameter('Description', description),
    tags: input.Tags === undefined ? [] : tagListParameter('Tags', input.Tags),
    rotationIntervalS,
    policy: input.Policy === undefined ? undefined : keyPolicyParameter(input.Policy),
  };
}

function originOf({ Origin: origin = 'Aliyun_KMS' }: CreateKeyInput, rules: KeySpecRules): Key['origin'] {
  if (origin === 'EXTERNAL' && !rules.importable)
    throw new ApiError('Unsupported.Origin', 400, 'Only symmetric keys take imported material.');
  if (origin === 'Aliyun_KMS' || origin === 'EXTERNAL') return origin;
  throw invalidParameter('Origin', 'Aliyun_KMS or EXTERNAL');
}

/** A parameter that would change what the key is worth is refused, never ignored. */
function refuseWhatIsNotDone(input: CreateKeyInput): void {
  if (input.ProtectionLevel !== undefined && input.ProtectionLevel !== 'SOFTWARE')
    throw new ApiError('Unsupported.ProtectionLevel', 400, 'There is no HSM here: ProtectionLevel must be SOFTWARE.');
  for (const name of ['DKMSInstanceId', 'KeyStorageMechanism'] as const)
    if (input[name] !== undefined) throw invalidParameter(name, 'absent: it is not supported');
}
