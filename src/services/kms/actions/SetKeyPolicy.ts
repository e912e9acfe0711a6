import type { Action } from '../../../api/action.ts';
import type { SetKeyPolicyInput, SetKeyPolicyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { keyPolicyParameter, policyNameParameter } from '../key-policy.ts';
import { kmsAction } from '../kms-action.ts';

/** Says who may do what with a key, besides what policies of RAM say. It counts from the next call. */
export function setKeyPolicy(deps: KmsDependencies): Action<SetKeyPolicyInput, SetKeyPolicyOutput> {
  return kmsAction(deps, {
    name: 'SetKeyPolicy',
    access: (scope, input) => keyAccess(deps, scope, 'kms:SetKeyPolicy', input.KeyId),
    parse: ({ KeyId: keyId, PolicyName: name, Policy: policy }) => {
      policyNameParameter(name);
      return { keyId, policy: keyPolicyParameter(policy) };
    },
    run: async (scope, { keyId, policy }) => {
      await deps.keys.setPolicy(scope, keyId, policy);
      return {};
    },
  });
}
