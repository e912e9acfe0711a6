import type { Action } from '../../../api/action.ts';
import type { UntagResourceInput, UntagResourceOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { taggedKeyParameter } from '../tagged-resources.ts';
import { tagKeyListParameter } from '../tag-parameters.ts';

/** Takes tags off one key; those that are not there do no harm. */
export function untagResource(deps: KmsDependencies): Action<UntagResourceInput, UntagResourceOutput> {
  return kmsAction(deps, {
    name: 'UntagResource',
    access: (scope, input) => keyAccess(deps, scope, 'kms:UntagResource', input.KeyId ?? ''),
    parse: (input) => ({ keyId: taggedKeyParameter(input), names: tagKeyListParameter('TagKeys', input.TagKeys) }),
    run: async (scope, { keyId, names }) => {
      await deps.tags.remove('UntagResource', scope, [keyId], names);
      return {};
    },
  });
}
