import type { Action } from '../../../api/action.ts';
import type { DescribeTagsInput, DescribeTagsOutput } from '../../../api/generated/ecs.ts';
import { listTagUses } from '../../../metadata/tag-uses.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { checkedPage, pageOutput, type PageRules } from '../list-page.ts';
import { checkedTagFilters } from '../resource-tags.ts';
import { checkedScope, checkedType, taggedAccess } from '../tagged-resources.ts';

const PAGE_SIZE_DEFAULT = 50;

/** The tags that there are in a region, each with how many resources of each type have it. */
export function DescribeTags(deps: Pick<EcsDependencies, 'database'>): Action<DescribeTagsInput, DescribeTagsOutput> {
  return {
    product: 'ecs',
    name: 'DescribeTags',
    access: (call) => {
      const { ResourceType = '*', ResourceId } = call.input;
      return taggedAccess('ecs:DescribeTags', call, ResourceType, ResourceId === undefined ? undefined : [ResourceId]);
    },
    run: async (call) => {
      const { ResourceType, ResourceId: resourceId, Tag, PageSize = PAGE_SIZE_DEFAULT, PageNumber = 1 } = call.input;
      const scope = checkedScope(call);
      const type = ResourceType === undefined ? undefined : checkedType(ResourceType);
      const rules: PageRules = { scope: 'DescribeTags', maxResults: () => undefined };
      const page = checkedPage({ PageSize, PageNumber }, rules);
      const nothing = ResourceType !== undefined && type === undefined;
      const listed = nothing
        ? { rows: [], totalCount: 0 }
        : await listTagUses(deps.database.read, { ...scope, type, resourceId, tags: checkedTagFilters(Tag) }, page);
      const { NextToken: _none, ...paging } = pageOutput(page, listed, rules);
      return {
        Tags: {
          Tag: listed.rows.map(({ key, value, uses }) => ({
            TagKey: key,
            TagValue: value,
            ResourceTypeCount: { Disk: uses.disk, Snapshot: uses.snapshot, Image: uses.image, Volume: 0, Instance: 0 },
          })),
        },
        ...paging,
      };
    },
  };
}
