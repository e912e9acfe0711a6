import type { Action } from '../../../api/action.ts';
import type { TagResourcesInput, TagResourcesOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { kmsAction } from '../kms-action.ts';
import { taggedKeysAccess, taggedKeysParameter } from '../tagged-resources.ts';
import { tagsParameter } from '../tag-parameters.ts';

/** Puts the same tags on several keys: on all of them, or when one is refused on none. */
export function tagResources(deps: KmsDependencies): Action<TagResourcesInput, TagResourcesOutput> {
  return kmsAction(deps, {
    name: 'TagResources',
    access: (scope, input) => taggedKeysAccess(deps, scope, 'kms:TagResources', input.ResourceId),
    parse: (input) => ({ ids: taggedKeysParameter(input) ?? [], tags: tagsParameter('Tag', input.Tag) }),
    run: async (scope, { ids, tags }) => {
      await deps.tags.set('TagResources', scope, ids, tags);
      return {};
    },
  });
}
