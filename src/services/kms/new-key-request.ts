import { ApiError } from '../../api/errors.ts';
import type { CreateKeyInput } from '../../api/generated/kms.ts';
import { isKeySpec, KEY_SPECS } from '../../kms/key-specs.ts';
import type { KeySpec, KeyUsage } from '../../metadata/keys.ts';
import type { Tag } from '../../metadata/tags.ts';
import { invalidParameter } from './errors.ts';

export interface NewKeyRequest {
  readonly keySpec: KeySpec;
  readonly keyUsage: KeyUsage;
  readonly description: string;
  readonly tags: readonly Tag[];
}

const DESCRIPTION_LENGTH_MAX = 8192;
const TAGS_MAX = 20;
const TAG_LENGTH_MAX = 128;

/** The values of CreateKey. Source: facts.md 2.9. @throws {ApiError} */
export function parseNewKey(input: CreateKeyInput): NewKeyRequest {
  const { KeySpec: keySpec = 'Aliyun_AES_256', Description: description = '' } = input;
  refuseWhatIsNotDone(input);
  if (!isKeySpec(keySpec)) throw invalidParameter('KeySpec', `one of ${Object.keys(KEY_SPECS).join(', ')}`);
  const { usages } = KEY_SPECS[keySpec];
  const keyUsage = usages.find((usage) => usage === (input.KeyUsage ?? usages[0]));
  if (keyUsage === undefined) throw invalidParameter('KeyUsage', `one of ${usages.join(', ')} for a key of this spec`);
  if (description.length > DESCRIPTION_LENGTH_MAX)
    throw invalidParameter('Description', `at most ${DESCRIPTION_LENGTH_MAX} characters`);
  return { keySpec, keyUsage, description, tags: parseTags(input.Tags) };
}

/** A parameter that would change what the key is worth is refused, never ignored. */
function refuseWhatIsNotDone(input: CreateKeyInput): void {
  if (input.Origin !== undefined && input.Origin !== 'Aliyun_KMS')
    throw new ApiError('Unsupported.Origin', 400, 'Key material cannot be imported: Origin must be Aliyun_KMS.');
  if (input.ProtectionLevel !== undefined && input.ProtectionLevel !== 'SOFTWARE')
    throw new ApiError('Unsupported.ProtectionLevel', 400, 'There is no HSM here: ProtectionLevel must be SOFTWARE.');
  if (input.EnableAutomaticRotation === true || input.RotationInterval !== undefined)
    throw invalidParameter('EnableAutomaticRotation', 'false: keys are not rotated');
  for (const name of ['DKMSInstanceId', 'KeyStorageMechanism', 'Policy'] as const)
    if (input[name] !== undefined) throw invalidParameter(name, 'absent: it is not supported');
}

/** `[{"TagKey":"…","TagValue":"…"}, …]` */
function parseTags(text: string | undefined): readonly Tag[] {
  if (text === undefined) return [];
  const invalid = invalidParameter(
    'Tags',
    `a JSON list of at most ${TAGS_MAX} {"TagKey", "TagValue"} with distinct keys`,
  );
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    throw invalid;
  }
  if (!Array.isArray(list) || list.length > TAGS_MAX) throw invalid;
  const tags = list.map((item: unknown) => {
    const { TagKey: key, TagValue: value } = (item ?? {}) as Record<string, unknown>;
    if (typeof key !== 'string' || typeof value !== 'string') throw invalid;
    // `acs:` tags are set by the products themselves: one on a new key would feign their consent.
    const reserved = /^(aliyun|acs:)/.test(key);
    if (key === '' || reserved || key.length > TAG_LENGTH_MAX || value.length > TAG_LENGTH_MAX) throw invalid;
    return { key, value };
  });
  if (new Set(tags.map((tag) => tag.key)).size !== tags.length) throw invalid;
  return tags;
}
