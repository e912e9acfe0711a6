import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { ListTagResourcesInput, ListTagResourcesOutput } from '../../../api/generated/ecs.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { checkedPage, pageOutput, type PageRules } from '../list-page.ts';
import { unsupported } from '../refusals.ts';
import { checkedTagFilters } from '../resource-tags.ts';
import { checkedIds, checkedScope, checkedType, listTagged, taggedAccess } from '../tagged-resources.ts';

/** Resources on a page, with at most 20 tags each. */
const PAGE_SIZE = 50;

/** The tags of the resources of one type that are named, or have every tag that is asked for; without either, of all. */
export function ListTagResources(
  deps: Pick<EcsDependencies, 'database'>,
): Action<ListTagResourcesInput, ListTagResourcesOutput> {
  return {
    product: 'ecs',
    name: 'ListTagResources',
    access: (call) => taggedAccess('ecs:ListTagResources', call, call.input.ResourceType, call.input.ResourceId),
    run: async (call) => {
      const { ResourceType, ResourceId, Tag, TagFilter, NextToken } = call.input;
      const scope = checkedScope(call);
      const type = checkedType(ResourceType);
      if (TagFilter !== undefined) throw unsupported('TagFilter', 'only exact tags are found here; give Tag');
      if (Tag?.some(({ Key: key = '', Value: value }) => key === '' && value !== undefined) === true)
        throw new ApiError(
          'InvalidParameter.TagValue',
          400,
          'A value is looked for with its key; give Tag.1.Key, too.',
        );
      const rules: PageRules = {
        scope: `ListTagResources ${scope.accountId} ${scope.regionId} ${ResourceType}`,
        maxResults: () => PAGE_SIZE,
      };
      const page = checkedPage({ MaxResults: PAGE_SIZE, ...(NextToken !== undefined && { NextToken }) }, rules);
      const ids = ResourceId === undefined ? undefined : checkedIds(ResourceId);
      const { read } = deps.database;
      const listed =
        type === undefined
          ? { rows: [], totalCount: 0 }
          : await listTagged(type, { ...scope, reader: read, ids, tags: checkedTagFilters(Tag), page });
      const tags = listed.rows.flatMap(({ id, tags: own }) =>
        own.map(({ key, value }) => ({ ResourceId: id, ResourceType, TagKey: key, TagValue: value })),
      );
      return { TagResources: { TagResource: tags }, NextToken: pageOutput(page, listed, rules).NextToken };
    },
  };
}
