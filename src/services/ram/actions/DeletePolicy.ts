import type { Action } from '../../../api/action.ts';
import type { DeletePolicyInput, DeletePolicyOutput } from '../../../api/generated/ram.ts';
import { deletePolicy as deletePolicyRows, findPolicy, listPolicyVersions } from '../../../metadata/policies.ts';
import { deleteAttachment, listAttachmentsOfPolicy } from '../../../metadata/policy-attachments.ts';
import type { PolicyAttachment, PrincipalType } from '../../../metadata/policy-attachments.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyName } from '../parameter-rules.ts';
import { deleteConflict, unknownPolicy } from '../refusals.ts';

/** Deletes a policy that is not attached and has one version; with `CascadingDelete` it is detached and loses all versions first. Source: apis.md, DeletePolicy. */
export const deletePolicy = (deps: RamDependencies): Action<DeletePolicyInput, DeletePolicyOutput> => ({
  product: 'ram',
  name: 'DeletePolicy',
  access: ({ input, caller }) => policyAccess('DeletePolicy', caller, input),
  run: ({ input, caller: { accountId } }) =>
    deps.database.transact(async (transaction) => {
      const policyName = checkedPolicyName(input.PolicyName);
      const policy = await findPolicy(transaction, accountId, policyName);
      if (policy === undefined) throw unknownPolicy('Custom', policyName);
      const attachments = await listAttachmentsOfPolicy(transaction, { accountId, policyType: 'Custom', policyName });
      if (input.CascadingDelete !== true) {
        refuseAttached(policyName, attachments);
        const { length } = await listPolicyVersions(transaction, accountId, policyName);
        if (length > 1) {
          const message = `The policy ${policyName} has ${length} versions; call DeletePolicyVersion for all but the default one first.`;
          throw deleteConflict('Policy.Version', message);
        }
      }
      for (const attachment of attachments) await deleteAttachment(transaction, attachment);
      await deletePolicyRows(transaction, policy);
      return {};
    }),
});

const WORD = { user: 'User', group: 'Group', role: 'Role' } as const satisfies Record<PrincipalType, string>;

function refuseAttached(policyName: string, attachments: readonly PolicyAttachment[]): void {
  const [first] = attachments;
  if (first === undefined) return;
  const { principalType, principalName } = first;
  throw deleteConflict(
    `Policy.${WORD[principalType]}`,
    `The policy ${policyName} is attached to the ${principalType} ${principalName}; detach it first (ListEntitiesForPolicy shows all).`,
  );
}
