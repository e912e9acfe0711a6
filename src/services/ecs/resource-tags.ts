import { ApiError } from '../../api/errors.ts';
import type { Tag, TagFilter } from '../../metadata/tags.ts';

/** Source: facts.md section 9; error codes of CreateDisk, CreateSnapshot, DescribeDisks. */
const TAGS_MAX = 20;
const LENGTH_MAX = 128;
const RESERVED = /^(aliyun|acs:)/i;
const LINK = /https?:\/\//i;

/** As on the wire: `Tag.1.Key`, `Tag.1.Value`. */
export interface WireTag {
  readonly Key?: string;
  readonly Value?: string;
}

/** Checks the tags of a new resource. An absent value is the empty one. */
export function checkedTags(tags: readonly WireTag[] | undefined): readonly Tag[] {
  return checkedTagsToAdd(tags ?? [], { code: 'QuotaExceed.Tags', httpStatus: 403 });
}

/** Checks the tags that a request brings. @param tooMany what the operation answers to more than 20. */
export function checkedTagsToAdd(
  tags: readonly WireTag[],
  tooMany: { readonly code: string; readonly httpStatus: number },
): readonly Tag[] {
  if (tags.length > TAGS_MAX) {
    throw new ApiError(tooMany.code, tooMany.httpStatus, `A resource can carry at most ${TAGS_MAX} tags.`);
  }
  const keys = new Set<string>();
  return tags.map(({ Key: key = '', Value: value = '' }) => {
    if (key === '' || key.length > LENGTH_MAX || RESERVED.test(key) || LINK.test(key)) {
      throw new ApiError(
        'InvalidTagKey.Malformed',
        400,
        "A tag key must have 1 to 128 characters, must not begin with 'aliyun' or 'acs:', and must not contain http:// or https://.",
      );
    }
    if (value.length > LENGTH_MAX || LINK.test(value)) {
      throw new ApiError(
        'InvalidTagValue.Malformed',
        400,
        'A tag value must have at most 128 characters and must not contain http:// or https://.',
      );
    }
    if (keys.has(key)) {
      throw new ApiError('Duplicate.TagKey', 400, `The tag key '${key}' is given twice; give each key once.`);
    }
    keys.add(key);
    return { key, value };
  });
}

/** Checks the tags that a query asks for. */
export function checkedTagFilters(tags: readonly WireTag[] | undefined): readonly TagFilter[] {
  if (tags === undefined) return [];
  if (tags.length > TAGS_MAX) {
    throw new ApiError('InvalidTagCount', 400, `A query can name at most ${TAGS_MAX} tags.`);
  }
  return tags.map(({ Key: key = '', Value: value }) => {
    if (key === '')
      throw new ApiError('InvalidTag.Mismatch', 400, 'Each tag of a query needs a key; its value is optional.');
    return value === undefined ? { key } : { key, value };
  });
}

/** As in answers. */
export function wireTags(tags: readonly Tag[]): { readonly Tag: readonly { TagKey: string; TagValue: string }[] } {
  return { Tag: tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) };
}
