import type { Access, Caller } from '../../api/action.ts';
import { findPolicy, listPolicies, updatePolicy } from '../../metadata/policies.ts';
import type { Reader, Transaction } from '../../metadata/reader.ts';
import { findRole, listRoles, updateRole } from '../../metadata/roles.ts';
import type { Tag } from '../../metadata/tags.ts';
import { policyArn, roleArn } from '../../ram/arn.ts';
import { ROLES_MAX, TAGGED_RESOURCES_MAX } from './limits.ts';
import { invalid, unknownPolicy, unknownRole } from './refusals.ts';
import { checkedTexts } from './tag-parameter.ts';

/** What can have tags: a role, or a policy of the account's own. */
export interface TaggedResource {
  readonly name: string;
  readonly tags: readonly Tag[];
  setTags(transaction: Transaction, tags: readonly Tag[]): Promise<unknown>;
}

type ResourceType = 'role' | 'policy';

function checkedType(type: string): ResourceType {
  if (type === 'role' || type === 'policy') return type;
  throw invalid('ResourceType', '', 'must be role or policy');
}

/** The right on each resource that a call names, or on all of the type when it names none. */
export function taggedAccess(
  action: string,
  { accountId }: Caller,
  type: string,
  names: string | undefined,
): readonly Access[] {
  const arnOf = checkedType(type) === 'role' ? roleArn : policyArn;
  const named = names === undefined ? ['*'] : checkedTexts('ResourceNames', names, TAGGED_RESOURCES_MAX);
  return named.map((name) => ({ action: `ram:${action}`, resource: arnOf(accountId, name) }));
}

/** @throws {ApiError} EntityNotExist.Role, EntityNotExist.Policy. */
export async function taggedResource(
  reader: Reader,
  accountId: string,
  type: string,
  name: string,
): Promise<TaggedResource> {
  if (checkedType(type) === 'role') {
    const role = await findRole(reader, accountId, name);
    if (role === undefined) throw unknownRole(name);
    const { roleName, tags } = role;
    return { name: roleName, tags, setTags: (transaction, next) => updateRole(transaction, role, { tags: next }) };
  }
  const policy = await findPolicy(reader, accountId, name);
  if (policy === undefined) throw unknownPolicy('Custom', name);
  const { policyName, tags } = policy;
  return { name: policyName, tags, setTags: (transaction, next) => updatePolicy(transaction, policy, { tags: next }) };
}

/** Those of the names, all of which exist, or without names everything of the type. */
export async function listTagged(
  reader: Reader,
  accountId: string,
  type: string,
  names: readonly string[] | undefined,
): Promise<readonly Pick<TaggedResource, 'name' | 'tags'>[]> {
  if (names !== undefined) {
    return await Promise.all(names.map((name) => taggedResource(reader, accountId, type, name)));
  }
  if (checkedType(type) === 'policy') {
    return (await listPolicies(reader, accountId)).map(({ policyName, tags }) => ({ name: policyName, tags }));
  }
  const roles = await listRoles(reader, accountId, { limit: ROLES_MAX });
  return roles.map(({ roleName, tags }) => ({ name: roleName, tags }));
}
