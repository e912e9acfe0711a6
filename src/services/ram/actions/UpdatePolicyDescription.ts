import type { Action } from '../../../api/action.ts';
import type { UpdatePolicyDescriptionInput, UpdatePolicyDescriptionOutput } from '../../../api/generated/ram.ts';
import { findPolicy, updatePolicy } from '../../../metadata/policies.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedDescription, checkedPolicyName } from '../parameter-rules.ts';
import { unknownPolicy } from '../refusals.ts';
import { policyView } from '../shown-policy.ts';

/** Gives a policy another description. Source: apis.md, UpdatePolicyDescription. */
export const updatePolicyDescription = (
  deps: RamDependencies,
): Action<UpdatePolicyDescriptionInput, UpdatePolicyDescriptionOutput> => ({
  product: 'ram',
  name: 'UpdatePolicyDescription',
  access: ({ input, caller }) => policyAccess('UpdatePolicyDescription', caller, input),
  run: async ({ input, caller: { accountId } }) => {
    const policyName = checkedPolicyName(input.PolicyName);
    const description = checkedDescription('NewDescription', input.NewDescription);
    return await deps.database.transact(async (transaction) => {
      const policy = await findPolicy(transaction, accountId, policyName);
      if (policy === undefined) throw unknownPolicy('Custom', policyName);
      const updated = await updatePolicy(transaction, policy, { description, updatedMs: deps.clock.nowMs() });
      return { Policy: policyView({ ...updated, policyType: 'Custom' }) };
    });
  },
});
