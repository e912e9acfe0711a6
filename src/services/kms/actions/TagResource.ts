import type { Action } from '../../../api/action.ts';
import type { TagResourceInput, TagResourceOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { taggedKeyParameter } from '../tagged-resources.ts';
import { tagListParameter } from '../tag-parameters.ts';

/** Puts tags on one key, replacing the values of those that are there. */
export function tagResource(deps: KmsDependencies): Action<TagResourceInput, TagResourceOutput> {
  return kmsAction(deps, {
    name: 'TagResource',
    access: (scope, input) => keyAccess(deps, scope, 'kms:TagResource', input.KeyId ?? ''),
    parse: (input) => ({ keyId: taggedKeyParameter(input), tags: tagListParameter('Tags', input.Tags) }),
    run: async (scope, { keyId, tags }) => {
      await deps.tags.set('TagResource', scope, [keyId], tags);
      return {};
    },
  });
}
