import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { AddTagsInput, AddTagsOutput } from '../../../api/generated/ecs.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { checkedTagsToAdd } from '../resource-tags.ts';
import { changeTags, checkedScope, checkedType, taggedAccess, withTags } from '../tagged-resources.ts';

/** The older TagResources: one disk or snapshot. */
export function AddTags(deps: Pick<EcsDependencies, 'database'>): Action<AddTagsInput, AddTagsOutput> {
  return {
    product: 'ecs',
    name: 'AddTags',
    access: (call) => taggedAccess('ecs:AddTags', call, call.input.ResourceType, [call.input.ResourceId]),
    run: async (call) => {
      const { ResourceType, ResourceId, Tag = [] } = call.input;
      const scope = checkedScope(call);
      const resource = { type: checkedType(ResourceType), ids: [ResourceId] };
      const tooMany = { code: 'InvalidTagCount', httpStatus: 400 };
      if (Tag.length === 0)
        throw new ApiError(tooMany.code, 400, 'Give at least one tag, as Tag.1.Key and Tag.1.Value.');
      const added = checkedTagsToAdd(Tag, tooMany);
      const quota = { code: 'OperationDenied.QuotaExceed', httpStatus: 400 };
      await changeTags(deps.database, scope, resource, (tags) => withTags(tags, added, quota));
      return {};
    },
  };
}
