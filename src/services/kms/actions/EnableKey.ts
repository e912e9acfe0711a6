import type { Action } from '../../../api/action.ts';
import type { EnableKeyInput, EnableKeyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Makes a disabled key usable again; an enabled one stays so. */
export function enableKey(deps: KmsDependencies): Action<EnableKeyInput, EnableKeyOutput> {
  return kmsAction(deps, {
    name: 'EnableKey',
    access: (scope, input) => keyAccess(deps, scope, 'kms:EnableKey', input.KeyId),
    parse: (input) => input.KeyId,
    run: async (scope, keyId) => {
      await deps.keys.enable(scope, keyId);
      return {};
    },
  });
}
