import type { Action } from '../../../api/action.ts';
import type { GetPolicyVersionInput, GetPolicyVersionOutput } from '../../../api/generated/ram.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyName, checkedPolicyType, checkedVersionId } from '../parameter-rules.ts';
import { shownPolicy, shownVersion, versionView } from '../shown-policy.ts';

/** Shows one version of a policy. Source: apis.md, GetPolicyVersion. */
export const getPolicyVersion = (deps: RamDependencies): Action<GetPolicyVersionInput, GetPolicyVersionOutput> => ({
  product: 'ram',
  name: 'GetPolicyVersion',
  access: ({ input, caller }) => policyAccess('GetPolicyVersion', caller, input),
  run: async ({ input, caller: { accountId } }) => {
    const reader = deps.database.read;
    const versionId = checkedVersionId(input.VersionId);
    const policyType = checkedPolicyType(input.PolicyType);
    const policy = await shownPolicy(reader, accountId, policyType, checkedPolicyName(input.PolicyName));
    const version = await shownVersion(reader, accountId, policy, versionId);
    return { PolicyVersion: versionView(version, policy.defaultVersion) };
  },
});
