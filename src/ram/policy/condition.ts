import { BlockList, isIP } from 'node:net';

import type { ConditionContext, ConditionValues } from './condition-values.ts';
import { comparableKey, conditionValues } from './condition-values.ts';
import { compileWildcard } from './wildcard.ts';

/** All conditions of a statement must hold; of the values of one, some value must match. */
export interface Condition {
  readonly operator: Operator;
  readonly key: string;
  readonly values: readonly string[];
}

export type Conditions = readonly Condition[];

/** What a value of the request must pass. */
type Test = (actual: string) => boolean;

/** An operator whose name says "not" holds when no value matches, hence also when the request has no such key. */
interface OperatorRule {
  readonly compile: (wanted: string) => Test;
  readonly negated?: true;
  /** Whether a value of a policy makes sense for it. */
  readonly accepts: (wanted: string) => boolean;
}

const anything = (): boolean => true;
const isNumber = (text: string): boolean => text.trim() !== '' && Number.isFinite(Number(text));
/** A time names its zone: without one it would mean that of the server. `Date.parse` takes February 31 for March 3. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?$/;
const isDate = (text: string): boolean => {
  const [, day] = DATE.exec(text) ?? [];
  const midnight = new Date(`${day ?? ''}T00:00:00Z`);
  return (
    !Number.isNaN(Date.parse(text)) && !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day ?? '')
  );
};
const isBoolean = (text: string): boolean => /^(?:true|false)$/i.test(text);
const isAddress = (text: string): boolean => addressRange(text) !== undefined;

const equals =
  (wanted: string): Test =>
  (actual) =>
    actual === wanted;
const equalsIgnoreCase = (wanted: string): Test => {
  const lower = wanted.toLowerCase();
  return (actual) => actual.toLowerCase() === lower;
};

type Compare = (actual: number, wanted: number) => boolean;
const numeric =
  (compare: Compare) =>
  (wanted: string): Test => {
    const number = Number(wanted);
    return (actual) => isNumber(actual) && compare(Number(actual), number);
  };
const date =
  (compare: Compare) =>
  (wanted: string): Test => {
    const time = Date.parse(wanted);
    return (actual) => isDate(actual) && compare(Date.parse(actual), time);
  };
const same: Compare = (a, w) => a === w;
const less: Compare = (a, w) => a < w;
const lessOrSame: Compare = (a, w) => a <= w;
const greater: Compare = (a, w) => a > w;
const greaterOrSame: Compare = (a, w) => a >= w;

/**
 * All that there are: the documentation knows neither set operators (`ForAnyValue:`) nor `…IfExists`, nor `Null`.
 * Source: RAM documentation, "Conditional operators"; facts.md 6.4; docs/decisions/0028-policy-language.md.
 */
const OPERATORS = {
  StringEquals: { compile: equals, accepts: anything },
  StringNotEquals: { compile: equals, negated: true, accepts: anything },
  StringEqualsIgnoreCase: { compile: equalsIgnoreCase, accepts: anything },
  StringNotEqualsIgnoreCase: { compile: equalsIgnoreCase, negated: true, accepts: anything },
  StringLike: { compile: compileWildcard, accepts: anything },
  StringNotLike: { compile: compileWildcard, negated: true, accepts: anything },
  NumericEquals: { compile: numeric(same), accepts: isNumber },
  NumericNotEquals: { compile: numeric(same), negated: true, accepts: isNumber },
  NumericLessThan: { compile: numeric(less), accepts: isNumber },
  NumericLessThanEquals: { compile: numeric(lessOrSame), accepts: isNumber },
  NumericGreaterThan: { compile: numeric(greater), accepts: isNumber },
  NumericGreaterThanEquals: { compile: numeric(greaterOrSame), accepts: isNumber },
  DateEquals: { compile: date(same), accepts: isDate },
  DateNotEquals: { compile: date(same), negated: true, accepts: isDate },
  DateLessThan: { compile: date(less), accepts: isDate },
  DateLessThanEquals: { compile: date(lessOrSame), accepts: isDate },
  DateGreaterThan: { compile: date(greater), accepts: isDate },
  DateGreaterThanEquals: { compile: date(greaterOrSame), accepts: isDate },
  Bool: { compile: equalsIgnoreCase, accepts: isBoolean },
  IpAddress: { compile: inRange, accepts: isAddress },
  NotIpAddress: { compile: inRange, negated: true, accepts: isAddress },
} as const satisfies Record<string, OperatorRule>;

export type Operator = keyof typeof OPERATORS;

export const OPERATOR_NAMES = Object.keys(OPERATORS);

export function isOperator(name: string): name is Operator {
  return Object.hasOwn(OPERATORS, name);
}

export function operatorAccepts(operator: Operator, wanted: string): boolean {
  return OPERATORS[operator].accepts(wanted);
}

/** Whether a request meets a statement's conditions. */
export type ConditionTest = (values: ConditionValues) => boolean;

export function compileConditions(conditions: Conditions): ConditionTest {
  const tests = conditions.map(compileCondition);
  return (values) => tests.every((test) => test(values));
}

export function conditionsHold(conditions: Conditions, context: ConditionContext): boolean {
  return compileConditions(conditions)(conditionValues(context));
}

function compileCondition({ operator, key, values }: Condition): ConditionTest {
  const rule: OperatorRule = OPERATORS[operator];
  const name = comparableKey(key);
  const tests = values.map((wanted) => rule.compile(wanted));
  const negated = rule.negated === true;
  return (request) => request(name).some((actual) => tests.some((test) => test(actual))) !== negated;
}

function inRange(wanted: string): Test {
  const range = addressRange(wanted);
  return (actual) => {
    // An IPv4 client on a dual-stack socket shows as ::ffff:a.b.c.d.
    const address = actual.replace(/^::ffff:(?=\d+\.)/i, '');
    const version = isIP(address);
    return range !== undefined && version !== 0 && range.check(address, version === 4 ? 'ipv4' : 'ipv6');
  };
}

/** `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`. */
function addressRange(text: string): BlockList | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const bits = version === 4 ? 32 : 128;
  if (prefix !== undefined && (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, prefix === undefined ? bits : Number(prefix), version === 4 ? 'ipv4' : 'ipv6');
  return list;
}
