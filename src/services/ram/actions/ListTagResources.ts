import type { Action } from '../../../api/action.ts';
import type { ListTagResourcesInput, ListTagResourcesOutput } from '../../../api/generated/ram.ts';
import { decodePageToken, encodePageToken } from '../../../metadata/page.ts';
import { listTagged, taggedAccess } from '../tagged-resources.ts';
import type { RamDependencies } from '../dependencies.ts';
import { TAGGED_RESOURCES_MAX, TAG_PAGE_SIZE } from '../limits.ts';
import { invalid } from '../refusals.ts';
import { checkedTagFilters, checkedTexts, hasTags } from '../tag-parameter.ts';

/** Lists tags of roles or policies, by resource and key, page by page. Source: apis.md, ListTagResources. */
export const listTagResources = (deps: RamDependencies): Action<ListTagResourcesInput, ListTagResourcesOutput> => ({
  product: 'ram',
  name: 'ListTagResources',
  access: ({ input, caller }) => taggedAccess('ListTagResources', caller, input.ResourceType, input.ResourceNames),
  run: async ({ input, caller: { accountId } }) => {
    const { ResourceType: type, ResourceNames, PageSize: limit = TAG_PAGE_SIZE.default, NextToken: token } = input;
    if (!Number.isInteger(limit) || limit < 1 || limit > TAG_PAGE_SIZE.max) {
      throw invalid('PageSize', '', `must be a whole number from 1 to ${TAG_PAGE_SIZE.max}`);
    }
    const names =
      ResourceNames === undefined ? undefined : checkedTexts('ResourceNames', ResourceNames, TAGGED_RESOURCES_MAX);
    const filters = checkedTagFilters(input.Tag);
    const scope = `ListTagResources ${accountId} ${type}`;
    const after = token === undefined ? undefined : decodePageToken(scope, token);
    if (token !== undefined && after === undefined) {
      throw invalid('NextToken', 'Format', 'must be the NextToken of a previous answer to the same list, unchanged');
    }
    const listed = (await listTagged(deps.database.read, accountId, type, names))
      .filter(({ tags }) => hasTags(tags, filters))
      .flatMap(({ name, tags }) => tags.map((tag) => ({ name, tag, at: `${name} ${tag.key}` })))
      .toSorted((one, other) => (one.at < other.at ? -1 : 1))
      .filter(({ at }) => after === undefined || at > after.id);
    const shown = listed.slice(0, limit);
    const last = shown.at(-1);
    const more = listed.length > limit && last !== undefined;
    return {
      TagResources: shown.map(({ name, tag }) => ({
        ResourceType: type,
        ResourceName: name,
        TagKey: tag.key,
        TagValue: tag.value,
      })),
      ...(more && { NextToken: encodePageToken(scope, { createdMs: 0, id: last.at }) }),
    };
  },
});
