import { isReservedTag, KEY_TAGS_MAX } from '../../kms/key-tags.ts';
import type { Tag } from '../../metadata/tags.ts';
import { invalidParameter } from './errors.ts';

const TAG_LENGTH_MAX = 128;

/** `[{"TagKey":"…","TagValue":"…"}, …]`, as CreateKey and TagResource take it. @throws {ApiError} InvalidParameter. */
export function tagListParameter(name: string, text: string): readonly Tag[] {
  const list = jsonList(text)?.map((item) => (item ?? {}) as Readonly<Record<string, unknown>>);
  return checkedTags(
    name,
    list?.map(({ TagKey: key, TagValue: value }) => ({ key, value })),
  );
}

/** `Tag.N.Key` and `Tag.N.Value`, as TagResources takes them. @throws {ApiError} InvalidParameter. */
export function tagsParameter(
  name: string,
  list: readonly { readonly Key?: string; readonly Value?: string }[],
): readonly Tag[] {
  return checkedTags(
    name,
    list.map(({ Key: key, Value: value = '' }) => ({ key, value })),
  );
}

/** Names of tags: a JSON list of texts, as UntagResource takes it. @throws {ApiError} InvalidParameter. */
export function tagKeyListParameter(name: string, text: string): readonly string[] {
  return tagKeysParameter(name, jsonList(text));
}

/** @throws {ApiError} InvalidParameter. */
export function tagKeysParameter(name: string, keys: readonly unknown[] | undefined): readonly string[] {
  const isFit = keys !== undefined && keys.length >= 1 && keys.length <= KEY_TAGS_MAX;
  if (isFit && keys.every((key): key is string => isTagKey(key))) return keys;
  throw invalidParameter(name, `a list of 1 to ${KEY_TAGS_MAX} tag keys; those of the products (acs:) stay`);
}

/** Rules: facts.md section 9, tags. */
function checkedTags(
  name: string,
  tags: readonly { readonly key: unknown; readonly value: unknown }[] | undefined,
): readonly Tag[] {
  const isFit = (tag: { readonly key: unknown; readonly value: unknown }): tag is Tag =>
    isTagKey(tag.key) && typeof tag.value === 'string' && tag.value.length <= TAG_LENGTH_MAX;
  if (tags !== undefined && tags.length <= KEY_TAGS_MAX && tags.every(isFit)) {
    if (new Set(tags.map(({ key }) => key)).size === tags.length) return tags;
  }
  throw invalidParameter(
    name,
    `at most ${KEY_TAGS_MAX} tags with distinct keys of 1 to ${TAG_LENGTH_MAX} characters, not beginning with aliyun or acs: and without http://, and values of at most ${TAG_LENGTH_MAX}`,
  );
}

/** Reserved names are the products' own: a tag of theirs would feign their consent. */
function isTagKey(key: unknown): key is string {
  return (
    typeof key === 'string' &&
    key !== '' &&
    key.length <= TAG_LENGTH_MAX &&
    !isReservedTag(key) &&
    !/https?:\/\//i.test(key)
  );
}

function jsonList(text: string): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? (list as unknown[]) : undefined;
  } catch {
    return undefined;
  }
}
