import type { Action } from '../../../api/action.ts';
import type { DeleteKeyMaterialInput, DeleteKeyMaterialOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';

/** Destroys imported material at once. The key waits until the same material is imported again. */
export function deleteKeyMaterial(deps: KmsDependencies): Action<DeleteKeyMaterialInput, DeleteKeyMaterialOutput> {
  return kmsAction(deps, {
    name: 'DeleteKeyMaterial',
    access: (scope, input) => keyAccess(deps, scope, 'kms:DeleteKeyMaterial', input.KeyId),
    parse: (input) => input.KeyId,
    run: async (scope, keyId) => {
      await deps.importedMaterial.delete(scope, keyId);
      return {};
    },
  });
}
