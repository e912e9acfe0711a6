import { findRole } from '../metadata/roles.ts';
import type { Reader } from '../metadata/reader.ts';
import { roleArn } from './arn.ts';
import { keyPolicyFor } from './key-policies.ts';
import { attachedPolicies } from './attached-policies.ts';
import { conditionValues } from './policy/condition-values.ts';
import type { ConditionContext } from './policy/condition-values.ts';
import { decide, trusts } from './policy/evaluate.ts';
import type { Access } from './policy/evaluate.ts';
import { PolicyDocuments } from './policy/policy-documents.ts';
import { withResourceTags } from './resource-tags.ts';

export interface ServiceRoleRequest {
  readonly accountId: string;
  /** In any case. */
  readonly roleName: string;
  /** `ecs.aliyuncs.com`, or `<account>@ecs.aliyuncs.com` on behalf of another account. */
  readonly service: string;
  /** All of them are needed. */
  readonly accesses: readonly Access[];
  readonly context?: ConditionContext;
}

export type ServiceRoleVerdict =
  | 'allowed'
  | 'role-missing'
  /** The trust policy does not let the service assume the role. */
  | 'not-trusted'
  /** The first access that neither the role's policies nor the key's allow, or that one of them denies. */
  | { readonly denied: Access };

/**
 * Whether a service may do `accesses` under a role of the account. Reads role and policies anew each time: a change counts
 * from the next use of a key. Services need trust only, no permission to assume. Source: facts.md 6.1 and 6.4.
 * @param documents what was parsed before; without it everything is parsed anew.
 */
export async function evaluateServiceRole(
  reader: Reader,
  request: ServiceRoleRequest,
  documents = new PolicyDocuments(),
): Promise<ServiceRoleVerdict> {
  const { accountId, roleName, service, accesses } = request;
  const role = await findRole(reader, accountId, roleName);
  if (role === undefined) return 'role-missing';
  const context = withResourceTags(request.context ?? {});
  const trust = documents.trustPolicy(role.trustPolicy);
  if (!trusts(trust, { kind: 'Service', name: service }, context)) return 'not-trusted';
  const identity = await attachedPolicies(reader, documents, {
    accountId,
    principalType: 'role',
    principalName: roleName,
  });
  const arn = roleArn(accountId, roleName);
  const values = conditionValues({ ...context, 'acs:PrincipalARN': arn });
  for (const access of accesses) {
    const ofKey = await keyPolicyFor(reader, documents, access.resource, arn);
    const inForce = ofKey === undefined ? identity : [...identity, ofKey];
    if (decide({ identity: inForce }, access, values).decision.effect !== 'Allow') return { denied: access };
  }
  return 'allowed';
}
