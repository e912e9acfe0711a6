import type { Action } from '../../../api/action.ts';
import type { GetKeyPolicyInput, GetKeyPolicyOutput } from '../../../api/generated/kms.ts';
import type { KmsDependencies } from '../dependencies.ts';
import { keyAccess } from '../key-access.ts';
import { defaultKeyPolicy, policyNameParameter } from '../key-policy.ts';
import { kmsAction } from '../kms-action.ts';

/** The policy of a key as it was set, or the default one. */
export function getKeyPolicy(deps: KmsDependencies): Action<GetKeyPolicyInput, GetKeyPolicyOutput> {
  return kmsAction(deps, {
    name: 'GetKeyPolicy',
    access: (scope, input) => keyAccess(deps, scope, 'kms:GetKeyPolicy', input.KeyId),
    parse: ({ KeyId: keyId, PolicyName: name }) => {
      policyNameParameter(name);
      return keyId;
    },
    run: async (scope, keyId) => {
      const key = await deps.keys.findFor('GetKeyPolicy', scope, keyId, { alias: 'refused' });
      return { Policy: key.policy ?? defaultKeyPolicy(key.accountId) };
    },
  });
}
