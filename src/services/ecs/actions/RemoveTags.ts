import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { RemoveTagsInput, RemoveTagsOutput } from '../../../api/generated/ecs.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { checkedTagFilters } from '../resource-tags.ts';
import { changeTags, checkedScope, checkedType, taggedAccess } from '../tagged-resources.ts';

/** The older UntagResources: one disk or snapshot. A tag that is given with its value goes only if it has that value. */
export function RemoveTags(deps: Pick<EcsDependencies, 'database'>): Action<RemoveTagsInput, RemoveTagsOutput> {
  return {
    product: 'ecs',
    name: 'RemoveTags',
    access: (call) => taggedAccess('ecs:RemoveTags', call, call.input.ResourceType, [call.input.ResourceId]),
    run: async (call) => {
      const { ResourceType, ResourceId, Tag } = call.input;
      const scope = checkedScope(call);
      const resource = { type: checkedType(ResourceType), ids: [ResourceId] };
      const doomed = checkedTagFilters(Tag);
      if (doomed.length === 0) throw new ApiError('InvalidTagCount', 400, 'Give at least one tag, as Tag.1.Key.');
      await changeTags(deps.database, scope, resource, (tags) =>
        tags.filter(
          ({ key, value }) =>
            !doomed.some((tag) => tag.key === key && (tag.value === undefined || tag.value === value)),
        ),
      );
      return {};
    },
  };
}
