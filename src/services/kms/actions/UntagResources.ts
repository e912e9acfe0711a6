import type { Action } from '../../../api/action.ts';
import { missingParameter } from '../../../api/decode.ts';
import type { UntagResourcesInput, UntagResourcesOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { kmsAction } from '../kms-action.ts';
import { taggedKeysAccess, taggedKeysParameter } from '../tagged-resources.ts';
import { tagKeysParameter } from '../tag-parameters.ts';

/** Takes named tags, or all of the account's own, off several keys: off all of them, or when one is refused off none. */
export function untagResources(deps: KmsDependencies): Action<UntagResourcesInput, UntagResourcesOutput> {
  return kmsAction(deps, {
    name: 'UntagResources',
    access: (scope, input) => taggedKeysAccess(deps, scope, 'kms:UntagResources', input.ResourceId),
    parse: (input) => ({ ids: taggedKeysParameter(input) ?? [], names: namesOf(input) }),
    run: async (scope, { ids, names }) => {
      await deps.tags.remove('UntagResources', scope, ids, names);
      return {};
    },
  });
}

/** `All` counts only where no key of a tag is given. */
function namesOf({ TagKey: names, All: all = false }: UntagResourcesInput): readonly string[] | undefined {
  if (names !== undefined) return tagKeysParameter('TagKey', names);
  if (!all) throw missingParameter('TagKey');
  return undefined;
}
