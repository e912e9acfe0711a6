import type { Action } from '../../../api/action.ts';
import type { DisableKeyInput, DisableKeyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Stops every use of a key until it is enabled again. */
export function disableKey(deps: KmsDependencies): Action<DisableKeyInput, DisableKeyOutput> {
  return kmsAction(deps, {
    name: 'DisableKey',
    access: (scope, input) => keyAccess(deps, scope, 'kms:DisableKey', input.KeyId),
    parse: (input) => input.KeyId,
    run: async (scope, keyId) => {
      await deps.keys.disable(scope, keyId);
      return {};
    },
  });
}
