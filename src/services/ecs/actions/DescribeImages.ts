import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { DescribeImagesInput, DescribeImagesOutput } from '../../../api/generated/ecs.ts';
import type { Database } from '../../../metadata/database.ts';
import { ecsAccess } from '../access.ts';
import { listMatchingImages } from '../images/image-list.ts';
import { checkedImageQuery } from '../images/image-query.ts';
import { checkedPage, pageOutput, type PageRules } from '../list-page.ts';

/** Finds images that the caller may use in one region: its own, those shared with it, and the public ones. Source: facts.md 5.4, 5.9. */
export function DescribeImages(deps: {
  readonly database: Database;
}): Action<DescribeImagesInput, DescribeImagesOutput> {
  return {
    product: 'ecs',
    name: 'DescribeImages',
    access: ({ caller, regionId }) => [ecsAccess('ecs:DescribeImages', caller, regionId, 'image/*')],
    run: async (call) => {
      const rules: PageRules = { scope: 'DescribeImages', maxResults: () => undefined };
      const page = checkedPage(call.input, rules);
      const query = checkedImageQuery(call);
      if (call.input.DryRun === true)
        throw new ApiError('DryRunOperation', 400, 'The request is valid; without DryRun it would list the images.');
      const offset = page.kind === 'offset' ? page.offset : 0;
      const listed = await listMatchingImages(deps.database.read, query, { offset, limit: page.limit });
      const shown = pageOutput(page, { rows: [], totalCount: listed.totalCount }, rules);
      return {
        Images: { Image: listed.images },
        RegionId: call.regionId,
        PageNumber: shown.PageNumber,
        PageSize: shown.PageSize,
        TotalCount: shown.TotalCount,
      };
    },
  };
}
