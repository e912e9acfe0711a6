import { actionMatches } from './action.ts';
import { conditionsHold } from './condition.ts';
import type { ConditionContext } from './condition.ts';
import type { IdentityStatement, Patterns, TrustStatement } from './document.ts';
import { principalsInclude } from './principal.ts';
import type { Principal } from './principal.ts';
import { resourceMatches } from './resource.ts';

/** One permission: an action on a resource. The same shape as in src/api/action.ts. */
export interface Access {
  readonly action: string;
  readonly resource: string;
}

export interface NamedPolicy {
  readonly name: string;
  readonly statements: readonly IdentityStatement[];
}

/** Which statement decided; `statement` counts from 0 within the policy. */
export interface DecidedBy {
  readonly policy: string;
  readonly statement: number;
}

export type Decision =
  | { readonly effect: 'Allow'; readonly by: DecidedBy }
  | { readonly effect: 'ExplicitDeny'; readonly by: DecidedBy }
  /** No statement applies: refused all the same. */
  | { readonly effect: 'ImplicitDeny' };

/**
 * PURE. Decides one access: any Deny that applies wins, else any Allow, else it is refused.
 * Source: RAM documentation, "Policy evaluation process"; facts.md 6.4.
 */
export function evaluate(policies: readonly NamedPolicy[], access: Access, context: ConditionContext): Decision {
  let allowed: DecidedBy | undefined;
  for (const policy of policies) {
    for (const [statement, rule] of policy.statements.entries()) {
      if (!applies(rule, access, context)) continue;
      const by = { policy: policy.name, statement };
      if (rule.effect === 'Deny') return { effect: 'ExplicitDeny', by };
      allowed ??= by;
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
      included(statement.actions, (pattern) => actionMatches(pattern, 'sts:AssumeRole')) &&
      principalsInclude(statement.principals, principal) &&
      conditionsHold(statement.conditions, context),
  );
  return applying.length > 0 && applying.every((statement) => statement.effect === 'Allow');
}

function applies(rule: IdentityStatement, access: Access, context: ConditionContext): boolean {
  return (
    included(rule.actions, (pattern) => actionMatches(pattern, access.action)) &&
    included(rule.resources, (pattern) => resourceMatches(pattern, access.resource)) &&
    conditionsHold(rule.conditions, context)
  );
}

function included({ except, patterns }: Patterns, matches: (pattern: string) => boolean): boolean {
  return patterns.some(matches) !== except;
}
