import type { Action } from '../../../api/action.ts';
import type { SetDefaultPolicyVersionInput, SetDefaultPolicyVersionOutput } from '../../../api/generated/ram.ts';
import { findPolicy, findPolicyVersion, updatePolicy } from '../../../metadata/policies.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyName, checkedVersionId } from '../parameter-rules.ts';
import { unknownPolicy, unknownVersion } from '../refusals.ts';

/** Puts another version of a policy in force, from the next call. Source: apis.md, SetDefaultPolicyVersion. */
export const setDefaultPolicyVersion = (
  deps: RamDependencies,
): Action<SetDefaultPolicyVersionInput, SetDefaultPolicyVersionOutput> => ({
  product: 'ram',
  name: 'SetDefaultPolicyVersion',
  access: ({ input, caller }) => policyAccess('SetDefaultPolicyVersion', caller, input),
  run: ({ input, caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      const policyName = checkedPolicyName(input.PolicyName);
      const versionId = checkedVersionId(input.VersionId);
      const policy = await findPolicy(transaction, accountId, policyName);
      if (policy === undefined) throw unknownPolicy('Custom', policyName);
      const version = await findPolicyVersion(transaction, accountId, policyName, versionId);
      if (version === undefined) throw unknownVersion(policyName, versionId);
      await updatePolicy(transaction, policy, { defaultVersion: versionId, updatedMs: deps.clock.nowMs() });
      return {};
    }),
});
