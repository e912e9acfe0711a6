import type { Action } from '../../../api/action.ts';
import type { UpdateKeyDescriptionInput, UpdateKeyDescriptionOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { descriptionParameter } from '../parameter-values.ts';

/** Replaces the description of a key, also by nothing. */
export function updateKeyDescription(
  deps: KmsDependencies,
): Action<UpdateKeyDescriptionInput, UpdateKeyDescriptionOutput> {
  return kmsAction(deps, {
    name: 'UpdateKeyDescription',
    access: (scope, input) => keyAccess(deps, scope, 'kms:UpdateKeyDescription', input.KeyId),
    parse: ({ KeyId: keyId, Description: text }) => ({ keyId, text: descriptionParameter('Description', text) }),
    run: async (scope, { keyId, text }) => {
      await deps.keys.describe(scope, keyId, text);
      return {};
    },
  });
}
