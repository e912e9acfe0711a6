import type { Action } from '../../../api/action.ts';
import type { CreatePolicyInput, CreatePolicyOutput } from '../../../api/generated/ram.ts';
import { isoSeconds } from '../../../base/clock.ts';
import { countPolicies, findPolicy, insertPolicy } from '../../../metadata/policies.ts';
import { allPolicies } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyDocument } from '../document-rules.ts';
import { CUSTOM_POLICIES_MAX } from '../limits.ts';
import { checkedDescription, checkedPolicyName } from '../parameter-rules.ts';
import { exists, limitExceeded } from '../refusals.ts';
import { checkedTags } from '../tag-parameter.ts';

/** Makes a policy of the account's own, with its first version. Source: apis.md, CreatePolicy; facts.md 6.4. */
export const createPolicy = (deps: RamDependencies): Action<CreatePolicyInput, CreatePolicyOutput> => ({
  product: 'ram',
  name: 'CreatePolicy',
  access: ({ caller }) => [{ action: 'ram:CreatePolicy', resource: allPolicies(caller) }],
  run: async ({ input, caller: { accountId } }) => {
    const nowMs = deps.clock.nowMs();
    const policyName = checkedPolicyName(input.PolicyName);
    const document = checkedPolicyDocument('PolicyDocument', input.PolicyDocument);
    const policy = {
      accountId,
      policyName,
      description: checkedDescription('Description', input.Description),
      defaultVersion: 'v1',
      tags: checkedTags(input.Tag),
      createdMs: nowMs,
      updatedMs: nowMs,
    };
    await deps.database.transact(async (transaction) => {
      if ((await findPolicy(transaction, accountId, policyName)) !== undefined) {
        throw exists('Policy', `The policy ${policyName} exists; choose another name.`);
      }
      if ((await countPolicies(transaction, accountId)) >= CUSTOM_POLICIES_MAX) {
        throw limitExceeded(
          'Policy',
          `An account has at most ${CUSTOM_POLICIES_MAX} policies of its own; delete one first.`,
        );
      }
      await insertPolicy(transaction, policy, document);
    });
    return {
      Policy: {
        PolicyName: policyName,
        PolicyType: 'Custom',
        Description: policy.description,
        DefaultVersion: policy.defaultVersion,
        CreateDate: isoSeconds(nowMs),
      },
    };
  },
});
