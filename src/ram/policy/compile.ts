import { compileAction } from './action.ts';
import { compileConditions } from './condition.ts';
import { comparableKey } from './condition-values.ts';
import type { ConditionValues } from './condition-values.ts';
import type { IdentityStatement, Patterns } from './document.ts';
import type { Effect } from './effect.ts';
import { compileResource } from './resource.ts';
import type { ResourceName } from './resource.ts';
import type { Position } from './syntax-error.ts';

/** What is asked of a statement: the action in lower case, the resource taken apart. */
export interface Asked {
  readonly action: string;
  readonly resource: ResourceName;
}

/** A statement made ready to be asked often. */
export interface Rule {
  readonly effect: Effect;
  /** Where the statement begins in its document. */
  readonly at: Position;
  /** What its conditions ask about, as keys are compared. */
  readonly conditionKeys: readonly string[];
  applies(asked: Asked, values: ConditionValues): boolean;
}

export function compileStatement(statement: IdentityStatement): Rule {
  const action = compilePatterns(statement.actions, compileAction);
  const resource = compilePatterns(statement.resources, compileResource);
  const conditions = compileConditions(statement.conditions);
  return {
    effect: statement.effect,
    at: statement.at,
    conditionKeys: statement.conditions.map(({ key }) => comparableKey(key)),
    applies: (asked, values) => action(asked.action) && resource(asked.resource) && conditions(values),
  };
}

/** One of the patterns matches, or for `Not…` none does. */
export function compilePatterns<Subject>(
  { except, patterns }: Patterns,
  compile: (pattern: string) => (subject: Subject) => boolean,
): (subject: Subject) => boolean {
  const matchers = patterns.map((pattern) => compile(pattern));
  return (subject) => matchers.some((matches) => matches(subject)) !== except;
}
