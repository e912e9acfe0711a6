import type { Action } from '../../../api/action.ts';
import type { ListResourceTagsInput, ListResourceTagsOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** The tags of one key, those of the products included. */
export function listResourceTags(deps: KmsDependencies): Action<ListResourceTagsInput, ListResourceTagsOutput> {
  return kmsAction(deps, {
    name: 'ListResourceTags',
    access: (scope, input) => keyAccess(deps, scope, 'kms:ListResourceTags', input.KeyId),
    parse: (input) => input.KeyId,
    run: async (scope, reference) => {
      const { keyId, tags } = await deps.keys.findFor('ListResourceTags', scope, reference, { alias: 'refused' });
      return { Tags: { Tag: tags.map(({ key, value }) => ({ KeyId: keyId, TagKey: key, TagValue: value })) } };
    },
  });
}
