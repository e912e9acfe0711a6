// Whether the caller may make this call. Everything that is not allowed is refused.
import type { Access, Caller, Product } from '../api/action.ts';
import { ApiError } from '../api/errors.ts';
import type { Step } from './exchange.ts';
import { found } from './exchange.ts';
import type { AuthorizationDecision } from './ports.ts';
import { requestTags } from './request-tags.ts';

/** Source: each product's API reference, common errors. */
const DENIED_CODE: Readonly<Record<Product, string>> = {
  ecs: 'Forbidden.RAM',
  kms: 'Forbidden.NoPermission',
  ram: 'NoPermission',
  sts: 'NoPermission',
  sealdisk: 'Forbidden.RAM',
};

export const authorize: Step = async (exchange, door) => {
  const call = found(exchange.call);
  door.accessKeyUses?.note(call.caller.accessKeyId);
  let access: readonly Access[];
  try {
    access = await found(exchange.action).access(call);
  } catch (error) {
    // With incomplete input, an action may not be able to say what it is about.
    throw exchange.problem ?? error;
  }
  exchange.access = access;
  const decision = await door.authorizer.decide(call.caller, access, {
    nowMs: door.clock.nowMs(),
    sourceIp: exchange.http.sourceIp,
    secureTransport: exchange.http.secureTransport,
    requestTags: requestTags(found(exchange.parameters)),
  });
  exchange.decision = decision;
  if (!decision.allowed) throw denied(found(exchange.product), call.caller, decision);
};

const PRINCIPAL_TYPES: Readonly<Record<Caller['principalType'], string>> = {
  Account: 'Account',
  RAMUser: 'SubUser',
  AssumedRoleUser: 'AssumedRoleUser',
};

function denied(product: Product, caller: Caller, decision: AuthorizationDecision & { allowed: false }): ApiError {
  const { action, resource } = decision.denied;
  const because = decision.reason === 'ExplicitDeny' ? 'a policy denies it' : 'no policy allows it';
  return new ApiError(DENIED_CODE[product], 403, `${caller.arn} may not do ${action} on ${resource}: ${because}.`, {
    accessDeniedDetail: {
      AuthAction: action,
      AuthPrincipalDisplayName: decision.principal ?? caller.arn,
      AuthPrincipalOwnerId: caller.accountId,
      AuthPrincipalType: PRINCIPAL_TYPES[caller.principalType],
      ...(decision.diagnosticMessage !== undefined && { EncodedDiagnosticMessage: decision.diagnosticMessage }),
      NoPermissionType: decision.reason,
      PolicyType: decision.policyType ?? 'AccountLevelIdentityBasedPolicy',
    },
  });
}
