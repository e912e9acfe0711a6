import type { Action } from '../../../api/action.ts';
import { ApiError } from '../../../api/errors.ts';
import type { UntagResourcesInput, UntagResourcesOutput } from '../../../api/generated/ecs.ts';
import type { EcsDependencies } from '../dependencies.ts';
import { changeTags, checkedIds, checkedScope, checkedType, taggedAccess } from '../tagged-resources.ts';

const KEYS_MAX = 20;

/** Takes tags from disks or snapshots, by their keys, or all with `All`, which counts only where no key is given. */
export function UntagResources(
  deps: Pick<EcsDependencies, 'database'>,
): Action<UntagResourcesInput, UntagResourcesOutput> {
  return {
    product: 'ecs',
    name: 'UntagResources',
    access: (call) => taggedAccess('ecs:UntagResources', call, call.input.ResourceType, call.input.ResourceId),
    run: async (call) => {
      const { ResourceType, ResourceId, TagKey: keys = [], All } = call.input;
      const scope = checkedScope(call);
      const resources = { type: checkedType(ResourceType), ids: checkedIds(ResourceId) };
      if (keys.length === 0 && All !== true)
        throw new ApiError('MissingParameter.Tags', 404, 'Give TagKey.1 and so on, or All=true.');
      if (keys.length > KEYS_MAX)
        throw new ApiError('NumberExceed.Tags', 400, `One call can name at most ${KEYS_MAX} keys of tags.`);
      await changeTags(deps.database, scope, resources, (tags) =>
        keys.length === 0 ? [] : tags.filter(({ key }) => !keys.includes(key)),
      );
      return {};
    },
  };
}
