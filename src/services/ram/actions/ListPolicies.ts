import type { Action } from '../../../api/action.ts';
import type { ListPoliciesInput, ListPoliciesOutput } from '../../../api/generated/ram.ts';
import { listPolicies as listPolicyRows } from '../../../metadata/policies.ts';
import { countAttachments } from '../../../metadata/policy-attachments.ts';
import type { PolicyType } from '../../../metadata/policy-attachments.ts';
import type { Reader } from '../../../metadata/reader.ts';
import { SYSTEM_POLICIES } from '../../../ram/system-policies.ts';
import { allPolicies } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { pageByMarker, pageOf } from '../marker.ts';
import { checkedPolicyType } from '../parameter-rules.ts';
import { policyView, shownSystemPolicy } from '../shown-policy.ts';
import type { ShownPolicy } from '../shown-policy.ts';
import { checkedTagFilters, hasTags } from '../tag-parameter.ts';

/** Lists policies by type and name, page by page. Source: apis.md, ListPolicies. */
export const listPolicies = (deps: RamDependencies): Action<ListPoliciesInput, ListPoliciesOutput> => ({
  product: 'ram',
  name: 'ListPolicies',
  access: ({ caller }) => [{ action: 'ram:ListPolicies', resource: allPolicies(caller) }],
  run: async ({ input, caller: { accountId } }) => {
    const reader = deps.database.read;
    const type = input.PolicyType === undefined ? undefined : checkedPolicyType(input.PolicyType);
    const filters = checkedTagFilters(input.Tag);
    const all = (await policiesOf(reader, accountId, type)).filter(({ tags }) => hasTags(tags, filters));
    const { rows, more } = await pageByMarker(input, {
      scope: `ListPolicies ${accountId}`,
      list: pageOf(all, nameOf),
      nameOf,
    });
    const counts = await countAttachments(reader, accountId);
    return {
      Policies: {
        Policy: rows.map((policy) => ({
          ...policyView(policy),
          AttachmentCount: counts.get(nameOf(policy)) ?? 0,
          Tags: { Tag: policy.tags.map(({ key, value }) => ({ TagKey: key, TagValue: value })) },
        })),
      },
      ...more,
    };
  },
});

/** `<type> <name>`, which is also how attachments are counted. */
const nameOf = ({ policyType, policyName }: ShownPolicy): string => `${policyType} ${policyName}`;

async function policiesOf(
  reader: Reader,
  accountId: string,
  type: PolicyType | undefined,
): Promise<readonly ShownPolicy[]> {
  const custom = type === 'System' ? [] : await listPolicyRows(reader, accountId);
  const system = type === 'Custom' ? [] : [...SYSTEM_POLICIES.values()];
  return [
    ...custom.map((policy) => ({ ...policy, policyType: 'Custom' as const })),
    ...system.map((policy) => shownSystemPolicy(policy)),
  ].toSorted((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}
