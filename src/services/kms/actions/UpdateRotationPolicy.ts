import type { Action } from '../../../api/action.ts';
import type { UpdateRotationPolicyInput, UpdateRotationPolicyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { kmsAction } from '../kms-action.ts';
import { rotationParameters } from '../rotation-parameters.ts';

/** Gives a symmetric key a new version every so often, counted from its last rotation, or stops that. */
export function updateRotationPolicy(
  deps: KmsDependencies,
): Action<UpdateRotationPolicyInput, UpdateRotationPolicyOutput> {
  return kmsAction(deps, {
    name: 'UpdateRotationPolicy',
    access: (scope, input) => keyAccess(deps, scope, 'kms:UpdateRotationPolicy', input.KeyId),
    parse: ({ KeyId: keyId, EnableAutomaticRotation: enable, RotationInterval: interval }) => ({
      keyId,
      intervalS: rotationParameters(enable, interval),
    }),
    run: async (scope, { keyId, intervalS }) => {
      await deps.versions.setRotation(scope, keyId, intervalS);
      return {};
    },
  });
}
