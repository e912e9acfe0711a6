import type { Action } from '../../../api/action.ts';
import type { TagResourcesInput, TagResourcesOutput } from '../../../api/generated/ram.ts';
import { taggedAccess, taggedResource } from '../tagged-resources.ts';
import type { RamDependencies } from '../dependencies.ts';
import { TAGGED_RESOURCES_MAX, TAGS_MAX } from '../limits.ts';
import { limitExceeded } from '../refusals.ts';
import { checkedTags, checkedTexts } from '../tag-parameter.ts';

/** Gives roles or policies tags, all of them or none; a key that is there already gets the new value. Source: apis.md, TagResources. */
export const tagResources = (deps: RamDependencies): Action<TagResourcesInput, TagResourcesOutput> => ({
  product: 'ram',
  name: 'TagResources',
  access: ({ input, caller }) => taggedAccess('TagResources', caller, input.ResourceType, input.ResourceNames),
  run: async ({ input, caller: { accountId } }) => {
    const names = checkedTexts('ResourceNames', input.ResourceNames, TAGGED_RESOURCES_MAX);
    const tags = checkedTags(input.Tag);
    return await deps.database.transact(async (transaction) => {
      for (const name of names) {
        const resource = await taggedResource(transaction, accountId, input.ResourceType, name);
        const kept = resource.tags.filter(({ key }) => !tags.some((tag) => tag.key === key));
        if (kept.length + tags.length > TAGS_MAX) {
          throw limitExceeded('Tag', `${name} would have more than ${TAGS_MAX} tags; remove some first.`);
        }
        await resource.setTags(transaction, [...kept, ...tags]);
      }
      return {};
    });
  },
});
