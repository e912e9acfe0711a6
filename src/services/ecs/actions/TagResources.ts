import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { TagResourcesInput, TagResourcesOutput } from '../../../api/generated/ecs.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { checkedTagsToAdd } from '../resource-tags.ts';
import { changeTags, checkedIds, checkedScope, checkedType, taggedAccess, withTags } from '../tagged-resources.ts';

/** Gives disks or snapshots tags, all of them or none; a key that is there already gets the new value. */
export function TagResources(deps: Pick<EcsDependencies, 'database'>): Action<TagResourcesInput, TagResourcesOutput> {
  return {
    product: 'ecs',
    name: 'TagResources',
    access: (call) => taggedAccess('ecs:TagResources', call, call.input.ResourceType, call.input.ResourceId),
    run: async (call) => {
      const { ResourceType, ResourceId, Tag } = call.input;
      const scope = checkedScope(call);
      const resources = { type: checkedType(ResourceType), ids: checkedIds(ResourceId) };
      if (Tag === undefined || Tag.length === 0)
        throw new ApiError('MissingParameter.Tags', 404, 'Give at least one tag, as Tag.1.Key and Tag.1.Value.');
      const added = checkedTagsToAdd(Tag, { code: 'NumberExceed.Tags', httpStatus: 400 });
      const quota = { code: 'QuotaExceed.Tags', httpStatus: 403 };
      await changeTags(deps.database, scope, resources, (tags) => withTags(tags, added, quota));
      return {};
    },
  };
}
