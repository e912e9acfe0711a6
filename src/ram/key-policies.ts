import { findKey } from '../metadata/keys.ts';
import type { Reader } from '../metadata/reader.ts';
import { parseArn } from './arn.ts';
import type { NamedPolicy } from './policy/evaluate.ts';
import { rulesFor } from './policy/key-policy.ts';
import type { PolicyDocuments } from './policy/policy-documents.ts';

/**
 * What the policy of a key says to somebody, where the resource is a key that has a policy of its own. The default one says
 * nothing that the account's own right does not say. How it counts beside RAM: docs/decisions/0034-key-policies.md.
 * @param principal the ARN of an account, a user or a role.
 */
export async function keyPolicyFor(
  reader: Reader,
  documents: PolicyDocuments,
  resource: string,
  principal: string,
): Promise<NamedPolicy | undefined> {
  const arn = parseArn(resource);
  if (arn === undefined || arn.service !== 'kms' || !arn.relativeId.startsWith('key/')) return undefined;
  const key = await findKey(reader, arn.relativeId.slice('key/'.length));
  if (key === undefined || key.policy === null) return undefined;
  if (key.accountId !== arn.accountId || key.regionId !== arn.regionId) return undefined;
  const rules = rulesFor(documents.keyPolicy(key.policy), key.accountId, principal);
  return { kind: 'Key', name: 'default', version: '', attachedTo: arn.relativeId, rules };
}
