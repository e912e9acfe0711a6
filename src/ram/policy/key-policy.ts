import { parseArn } from '../arn.ts';
import type { Arn } from '../arn.ts';
import { compileStatement } from './compile.ts';
import type { Rule } from './compile.ts';
import { parseKeyPolicy } from './document.ts';
import type { Effect } from './effect.ts';

/** A statement of a key's policy, made ready, with the ARNs of whom it names. */
export interface KeyRule {
  readonly rule: Rule;
  readonly principals: readonly string[];
}

/** @throws {PolicySyntaxError} */
export function compileKeyPolicy(text: string): readonly KeyRule[] {
  return parseKeyPolicy(text).map((statement) => ({
    rule: compileStatement(statement),
    principals: statement.principals,
  }));
}

/**
 * The statements that speak of somebody. `acs:ram::<account>:*` names the account: it allows nothing to users and roles of
 * the key's own account, whom their own policies have to allow it, and denies everybody in it; for another account it
 * allows what that account lets its users and roles do. Source: docs/decisions/0034-key-policies.md.
 * @param principal the ARN of an account, a user or a role.
 */
export function rulesFor(rules: readonly KeyRule[], ownerAccountId: string, principal: string): readonly Rule[] {
  const who = parseArn(principal);
  if (who === undefined) return [];
  return rules
    .filter(({ rule, principals }) => principals.some((name) => names(name, rule.effect, ownerAccountId, who)))
    .map(({ rule }) => rule);
}

/** Whether some statement allows something to somebody in the account: then it may know that the key is there. */
export function isSharedWith(rules: readonly KeyRule[], accountId: string): boolean {
  return rules.some(
    ({ rule, principals }) =>
      rule.effect === 'Allow' && principals.some((name) => parseArn(name)?.accountId === accountId),
  );
}

function names(name: string, effect: Effect, ownerAccountId: string, who: Arn): boolean {
  const named = parseArn(name);
  if (named === undefined || named.accountId !== who.accountId) return false;
  if (named.relativeId === '*' || named.relativeId === 'root')
    return who.relativeId === 'root' || effect === 'Deny' || who.accountId !== ownerAccountId;
  return named.relativeId.toLowerCase() === who.relativeId.toLowerCase();
}
