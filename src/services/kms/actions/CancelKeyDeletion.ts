import type { Action } from '../../../api/action.ts';
import type { CancelKeyDeletionInput, CancelKeyDeletionOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Calls off the deletion of a key and enables it. */
export function cancelKeyDeletion(deps: KmsDependencies): Action<CancelKeyDeletionInput, CancelKeyDeletionOutput> {
  return kmsAction(deps, {
    name: 'CancelKeyDeletion',
    access: (scope, input) => keyAccess(deps, scope, 'kms:CancelKeyDeletion', input.KeyId),
    parse: (input) => input.KeyId,
    run: async (scope, keyId) => {
      await deps.keys.cancelDeletion(scope, keyId);
      return {};
    },
  });
}
