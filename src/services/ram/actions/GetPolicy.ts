import type { Action } from '../../../api/action.ts';
import type { GetPolicyInput, GetPolicyOutput } from '../../../api/generated/ram.ts';
import { countAttachments } from '../../../metadata/policy-attachments.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyName, checkedPolicyType } from '../parameter-rules.ts';
import { policyView, shownPolicy, shownVersion, versionView } from '../shown-policy.ts';

/** Shows a policy and its version in force. Source: apis.md, GetPolicy. */
export const getPolicy = (deps: RamDependencies): Action<GetPolicyInput, GetPolicyOutput> => ({
  product: 'ram',
  name: 'GetPolicy',
  access: ({ input, caller }) => policyAccess('GetPolicy', caller, input),
  run: async ({ input, caller: { accountId } }) => {
    const reader = deps.database.read;
    const policyType = checkedPolicyType(input.PolicyType);
    const policy = await shownPolicy(reader, accountId, policyType, checkedPolicyName(input.PolicyName));
    const version = await shownVersion(reader, accountId, policy, policy.defaultVersion);
    const counts = await countAttachments(reader, accountId);
    return {
      Policy: {
        ...policyView(policy),
        PolicyDocument: version.document,
        AttachmentCount: counts.get(`${policyType} ${policy.policyName}`) ?? 0,
      },
      DefaultPolicyVersion: versionView(version, policy.defaultVersion),
    };
  },
});
