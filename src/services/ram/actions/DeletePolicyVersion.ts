import type { Action } from '../../../api/action.ts';
import type { DeletePolicyVersionInput, DeletePolicyVersionOutput } from '../../../api/generated/ram.ts';
import { deletePolicyVersion as deleteVersionRow, findPolicy } from '../../../metadata/policies.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyName, checkedVersionId } from '../parameter-rules.ts';
import { deleteConflict, unknownPolicy, unknownVersion } from '../refusals.ts';

/** Deletes a version that is not the default one. Source: apis.md, DeletePolicyVersion. */
export const deletePolicyVersion = (
  deps: RamDependencies,
): Action<DeletePolicyVersionInput, DeletePolicyVersionOutput> => ({
  product: 'ram',
  name: 'DeletePolicyVersion',
  access: ({ input, caller }) => policyAccess('DeletePolicyVersion', caller, input),
  run: ({ input, caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      const policyName = checkedPolicyName(input.PolicyName);
      const versionId = checkedVersionId(input.VersionId);
      const policy = await findPolicy(transaction, accountId, policyName);
      if (policy === undefined) throw unknownPolicy('Custom', policyName);
      if (policy.defaultVersion === versionId) {
        const message = `${versionId} is the default version of the policy ${policyName}; make another one the default first.`;
        throw deleteConflict('Policy.Version.Default', message);
      }
      const deleted = await deleteVersionRow(transaction, { accountId, policyName, versionId });
      if (deleted === 0) throw unknownVersion(policyName, versionId);
      return {};
    }),
});
