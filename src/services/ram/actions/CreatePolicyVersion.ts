import type { Action } from '../../../api/action.ts';
import type { CreatePolicyVersionInput, CreatePolicyVersionOutput } from '../../../api/generated/ram.ts';
import {
  deletePolicyVersion,
  findPolicy,
  insertPolicyVersion,
  listPolicyVersions,
  numberOf,
  updatePolicy,
} from '../../../metadata/policies.ts';
import type { Policy, PolicyVersion } from '../../../metadata/policies.ts';
import type { Transaction } from '../../../metadata/reader.ts';
import { policyAccess } from '../access.ts';
import type { RamDependencies } from '../dependencies.ts';
import { checkedPolicyDocument } from '../document-rules.ts';
import { POLICY_VERSIONS_MAX } from '../limits.ts';
import { checkedPolicyName } from '../parameter-rules.ts';
import { invalid, limitExceeded, unknownPolicy } from '../refusals.ts';
import { versionView } from '../shown-policy.ts';

/** Gives a policy another version; it is in force from the next call when it becomes the default one. Source: apis.md, CreatePolicyVersion. */
export const createPolicyVersion = (
  deps: RamDependencies,
): Action<CreatePolicyVersionInput, CreatePolicyVersionOutput> => ({
  product: 'ram',
  name: 'CreatePolicyVersion',
  access: ({ input, caller }) => policyAccess('CreatePolicyVersion', caller, input),
  run: async ({ input, caller: { accountId } }) => {
    const nowMs = deps.clock.nowMs();
    const policyName = checkedPolicyName(input.PolicyName);
    const document = checkedPolicyDocument('PolicyDocument', input.PolicyDocument);
    const rotates = checkedRotation(input.RotateStrategy);
    return await deps.database.transact(async (transaction) => {
      const policy = await findPolicy(transaction, accountId, policyName);
      if (policy === undefined) throw unknownPolicy('Custom', policyName);
      const versions = await listPolicyVersions(transaction, accountId, policyName);
      if (versions.length >= POLICY_VERSIONS_MAX) await makeRoom(transaction, policy, versions, rotates);
      const made = (policy.versionsMade ?? Math.max(...versions.map(numberOf))) + 1;
      const version = { accountId, policyName, versionId: `v${made}`, document, createdMs: nowMs };
      await insertPolicyVersion(transaction, version);
      const { defaultVersion } = await updatePolicy(transaction, policy, {
        versionsMade: made,
        updatedMs: nowMs,
        ...(input.SetAsDefault === true && { defaultVersion: version.versionId }),
      });
      return { PolicyVersion: versionView(version, defaultVersion) };
    });
  },
});

const ROTATION = 'DeleteOldestNonDefaultVersionWhenLimitExceeded';

/** Whether the oldest version makes room for a new one. */
function checkedRotation(strategy: string | undefined): boolean {
  if (strategy === undefined || strategy === 'None') return false;
  if (strategy === ROTATION) return true;
  throw invalid('RotateStrategy', '', `must be None or ${ROTATION}`);
}

async function makeRoom(
  transaction: Transaction,
  { policyName, defaultVersion }: Policy,
  versions: readonly PolicyVersion[],
  rotates: boolean,
): Promise<void> {
  const oldest = versions.find(({ versionId }) => versionId !== defaultVersion);
  if (!rotates || oldest === undefined) {
    const message = `The policy ${policyName} has ${versions.length} versions, the most there may be; delete one, or ask for RotateStrategy ${ROTATION}.`;
    throw limitExceeded('Policy.Version', message);
  }
  await deletePolicyVersion(transaction, oldest);
}
