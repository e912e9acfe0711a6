import type { Action } from '../../../api/action.ts';
import type { ListPolicyVersionsInput, ListPolicyVersionsOutput } from '../../../api/generated/ram.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyName, checkedPolicyType } from '../parameter-rules.ts';
import { shownPolicy, shownVersions, versionView } from '../shown-policy.ts';

/** Lists the versions of a policy, all at once, oldest first. Source: apis.md, ListPolicyVersions. */
export const listPolicyVersions = (
  deps: RamDependencies,
): Action<ListPolicyVersionsInput, ListPolicyVersionsOutput> => ({
  product: 'ram',
  name: 'ListPolicyVersions',
  access: ({ input, caller }) => policyAccess('ListPolicyVersions', caller, input),
  run: async ({ input, caller: { accountId } }) => {
    const reader = deps.database.read;
    const policyType = checkedPolicyType(input.PolicyType);
    const policy = await shownPolicy(reader, accountId, policyType, checkedPolicyName(input.PolicyName));
    const versions = await shownVersions(reader, accountId, policy);
    return { PolicyVersions: { PolicyVersion: versions.map((one) => versionView(one, policy.defaultVersion)) } };
  },
});
