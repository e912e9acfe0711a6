import type { Tag, TagFilter } from '../../metadata/tags.ts';
import { TAGS_MAX, TAG_KEY_LENGTH_MAX, TAG_VALUE_LENGTH_MAX } from './limits.ts';
import { invalid } from './refusals.ts';

/** `Tag` of the RAM operations: JSON `[{"Key": "k", "Value": "v"}]`. Source: apis.md 0.1; rules as in facts.md section 9. */
export function checkedTags(text: string | undefined): readonly Tag[] {
  const tags = parse(text).map(({ key, value }) => ({ key, value: value ?? '' }));
  if (new Set(tags.map((tag) => tag.key)).size < tags.length) throw malformed('must not name a key twice');
  for (const { key, value } of tags) {
    if (/^(?:aliyun|acs:)/i.test(key)) throw malformed("must not use keys that begin with 'aliyun' or 'acs:'");
    if (/https?:\/\//i.test(key + value)) throw malformed('must not hold http:// or https://');
  }
  return tags;
}

/** The same as a filter, where a value may be left out. */
export function checkedTagFilters(text: string | undefined): readonly TagFilter[] {
  return parse(text).map(({ key, value }) => (value === undefined ? { key } : { key, value }));
}

/** Whether all filters find a tag. */
export function hasTags(tags: readonly Tag[], filters: readonly TagFilter[]): boolean {
  return filters.every(({ key, value }) =>
    tags.some((tag) => tag.key === key && (value === undefined || tag.value === value)),
  );
}

/** A JSON list of texts, such as `ResourceNames` and `TagKeys`. */
export function checkedTexts(parameter: string, text: string, countMax: number): readonly string[] {
  const list = parsedList(text);
  const isTexts = list?.every((item) => typeof item === 'string' && item !== '');
  if (list === undefined || isTexts !== true || list.length === 0 || list.length > countMax) {
    throw invalid(parameter, 'Format', `must be a JSON list of 1 to ${countMax} texts, like ["a", "b"]`);
  }
  return [...new Set(list as string[])];
}

function parse(text: string | undefined): { readonly key: string; readonly value: string | undefined }[] {
  if (text === undefined || text === '') return [];
  const list = parsedList(text);
  if (list === undefined) throw malformed('must be a JSON list like [{"Key": "k", "Value": "v"}]');
  if (list.length > TAGS_MAX) throw malformed(`must have at most ${TAGS_MAX} tags`);
  return list.map((item) => {
    const { Key: key, Value: value } = (item ?? {}) as Record<string, unknown>;
    if (typeof key !== 'string' || key === '' || key.length > TAG_KEY_LENGTH_MAX) {
      throw malformed(`needs keys of 1 to ${TAG_KEY_LENGTH_MAX} characters`);
    }
    if (value !== undefined && (typeof value !== 'string' || value.length > TAG_VALUE_LENGTH_MAX)) {
      throw malformed(`needs values of at most ${TAG_VALUE_LENGTH_MAX} characters`);
    }
    return { key, value };
  });
}

function parsedList(text: string): readonly unknown[] | undefined {
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

const malformed = (rule: string) => invalid('Tag', 'Format', rule);
