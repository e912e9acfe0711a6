import { compileAction } from './action.ts';
import { compilePatterns } from './compile.ts';
import type { Asked, Rule } from './compile.ts';
import { conditionsHold } from './condition.ts';
import type { ConditionContext, ConditionValues } from './condition-values.ts';
import type { TrustStatement } from './document.ts';
import { principalsInclude } from './principal.ts';
import type { Principal } from './principal.ts';
import { resourceName } from './resource.ts';
import type { Position } from './syntax-error.ts';

/** One permission: an action on a resource. The same shape as in src/api/action.ts. */
export interface Access {
  readonly action: string;
  readonly resource: string;
}

export type PolicyKind = 'System' | 'Custom' | 'Session' | 'Key';

/** A policy in force for somebody. */
export interface NamedPolicy {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly version: string;
  /** Through whom it is in force: `user/alice`, `group/devs`, `role/ops`. */
  readonly attachedTo: string;
  readonly rules: readonly Rule[];
}

/** The statement that decided. */
export interface DecidedBy {
  readonly policyType: PolicyKind;
  readonly policy: string;
  readonly version: string;
  readonly attachedTo: string;
  /** Counts from 0 within the policy. */
  readonly statement: number;
  /** Where it begins in the policy's document. */
  readonly at: Position;
}

export type Decision =
  | { readonly effect: 'Allow'; readonly by: DecidedBy }
  | { readonly effect: 'ExplicitDeny'; readonly by: DecidedBy }
  /** No statement applies: refused all the same. */
  | { readonly effect: 'ImplicitDeny' };

/** What binds somebody: policies of their own and of their groups, and for a session what it was narrowed to. */
export interface PolicySet {
  readonly session?: NamedPolicy | undefined;
  readonly identity: readonly NamedPolicy[];
}

/** Which of the two kinds of policy had the last word. */
export type DecidingLayer = 'SessionPolicy' | 'AccountLevelIdentityBasedPolicy';

/** Longer than the name of anything that there is. */
export const NAME_LENGTH_MAX = 512;

/**
 * PURE. A session policy that does not allow has the last word, an explicit Deny of any other policy being a refusal
 * too; else the policies of the identity decide, so that a session may never do more than they allow.
 * What is longer than any name is nobody's, and refused before it is compared: with wildcards that takes as many steps as
 * both lengths multiplied, which a client must not be able to make seconds.
 * Source: RAM documentation, "Policy evaluation process".
 */
export function decide(
  policies: PolicySet,
  access: Access,
  values: ConditionValues,
): { readonly decision: Decision; readonly layer: DecidingLayer } {
  if (access.action.length > NAME_LENGTH_MAX || access.resource.length > NAME_LENGTH_MAX)
    return { decision: { effect: 'ImplicitDeny' }, layer: 'AccountLevelIdentityBasedPolicy' };
  const asked = { action: access.action.toLowerCase(), resource: resourceName(access.resource) };
  if (policies.session !== undefined) {
    const decision = evaluate([policies.session], asked, values);
    if (decision.effect !== 'Allow') return { decision, layer: 'SessionPolicy' };
  }
  return { decision: evaluate(policies.identity, asked, values), layer: 'AccountLevelIdentityBasedPolicy' };
}

/** Any Deny that applies wins, else any Allow, else it is refused. The first of several in the order given is named. */
function evaluate(policies: readonly NamedPolicy[], asked: Asked, values: ConditionValues): Decision {
  let allowed: DecidedBy | undefined;
  for (const policy of policies) {
    for (const [statement, rule] of policy.rules.entries()) {
      // A further Allow changes nothing, so it need not be asked.
      if (rule.effect === 'Allow' && allowed !== undefined) continue;
      if (!rule.applies(asked, values)) continue;
      const { kind: policyType, name, version, attachedTo } = policy;
      const by = { policyType, policy: name, version, attachedTo, statement, at: rule.at };
      if (rule.effect === 'Deny') return { effect: 'ExplicitDeny', by };
      allowed = by;
    }
  }
  return allowed === undefined ? { effect: 'ImplicitDeny' } : { effect: 'Allow', by: allowed };
}

/** PURE. Whether a role's trust policy lets `principal` assume it. */
export function trusts(
  statements: readonly TrustStatement[],
  principal: Principal,
  context: ConditionContext,
): boolean {
  const applying = statements.filter(
    (statement) =>
      compilePatterns(statement.actions, compileAction)('sts:assumerole') &&
      principalsInclude(statement.principals, principal) &&
      conditionsHold(statement.conditions, context),
  );
  return applying.length > 0 && applying.every((statement) => statement.effect === 'Allow');
}
