import type { Action } from '../../../api/action.ts';
import type { UntagResourcesInput, UntagResourcesOutput } from '../../../api/generated/ram.ts';
import { taggedAccess, taggedResource } from '../tagged-resources.ts';
import type { RamDependencies } from '../dependencies.ts';
import { TAGGED_RESOURCES_MAX, TAGS_MAX } from '../limits.ts';
import { checkedTexts } from '../tag-parameter.ts';

/** Takes tags from roles or policies: those that are named, or with `All` and no names all of them. Source: apis.md, UntagResources. */
export const untagResources = (deps: RamDependencies): Action<UntagResourcesInput, UntagResourcesOutput> => ({
  product: 'ram',
  name: 'UntagResources',
  access: ({ input, caller }) => taggedAccess('UntagResources', caller, input.ResourceType, input.ResourceNames),
  run: async ({ input, caller: { accountId } }) => {
    const names = checkedTexts('ResourceNames', input.ResourceNames, TAGGED_RESOURCES_MAX);
    const keys = input.TagKeys === undefined ? [] : checkedTexts('TagKeys', input.TagKeys, TAGS_MAX);
    const all = keys.length === 0 && input.All === true;
    return await deps.database.transact(async (transaction) => {
      for (const name of names) {
        const resource = await taggedResource(transaction, accountId, input.ResourceType, name);
        const kept = resource.tags.filter(({ key }) => !all && !keys.includes(key));
        if (kept.length < resource.tags.length) await resource.setTags(transaction, kept);
      }
      return {};
    });
  },
});
