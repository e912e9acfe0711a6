import { BlockList, isIP } from 'node:net';

import { matchesWildcard } from './wildcard.ts';

/** What conditions can ask about: `acs:SourceIp`, `acs:CurrentTime`, `kms:tag/env`, … Keys compare without case. */
export type ConditionContext = Readonly<Record<string, string | readonly string[]>>;

/** Operator, then key, then the values of which one must match. All keys of all operators must hold. */
export type Conditions = readonly Condition[];

export interface Condition {
  readonly operator: Operator;
  readonly key: string;
  readonly values: readonly string[];
}

type Test = (actual: string, wanted: string) => boolean;

/** An operator whose name says "not" holds when no value matches, hence also when the request has no such key. */
interface OperatorRule {
  readonly test: Test;
  readonly negated?: true;
  /** Whether a value of a policy makes sense for it. */
  readonly accepts: (wanted: string) => boolean;
}

const anything = (): boolean => true;
const isNumber = (text: string): boolean => text.trim() !== '' && Number.isFinite(Number(text));
const isDate = (text: string): boolean => /^\d{4}-\d\d-\d\d(T|$)/.test(text) && !Number.isNaN(Date.parse(text));
const isBoolean = (text: string): boolean => text === 'true' || text === 'false';
const isAddress = (text: string): boolean => addressRange(text) !== undefined;

const equals: Test = (actual, wanted) => actual === wanted;
const equalsIgnoreCase: Test = (actual, wanted) => actual.toLowerCase() === wanted.toLowerCase();
const like: Test = (actual, wanted) => matchesWildcard(wanted, actual);
const numeric =
  (test: (actual: number, wanted: number) => boolean): Test =>
  (actual, wanted) =>
    isNumber(actual) && test(Number(actual), Number(wanted));
const date =
  (test: (actual: number, wanted: number) => boolean): Test =>
  (actual, wanted) =>
    isDate(actual) && test(Date.parse(actual), Date.parse(wanted));

/** Source: RAM documentation, "Policy elements", Condition; facts.md 6.4. */
const OPERATORS = {
  StringEquals: { test: equals, accepts: anything },
  StringNotEquals: { test: equals, negated: true, accepts: anything },
  StringEqualsIgnoreCase: { test: equalsIgnoreCase, accepts: anything },
  StringNotEqualsIgnoreCase: { test: equalsIgnoreCase, negated: true, accepts: anything },
  StringLike: { test: like, accepts: anything },
  StringNotLike: { test: like, negated: true, accepts: anything },
  NumericEquals: { test: numeric((a, w) => a === w), accepts: isNumber },
  NumericNotEquals: { test: numeric((a, w) => a === w), negated: true, accepts: isNumber },
  NumericLessThan: { test: numeric((a, w) => a < w), accepts: isNumber },
  NumericLessThanEquals: { test: numeric((a, w) => a <= w), accepts: isNumber },
  NumericGreaterThan: { test: numeric((a, w) => a > w), accepts: isNumber },
  NumericGreaterThanEquals: { test: numeric((a, w) => a >= w), accepts: isNumber },
  DateEquals: { test: date((a, w) => a === w), accepts: isDate },
  DateNotEquals: { test: date((a, w) => a === w), negated: true, accepts: isDate },
  DateLessThan: { test: date((a, w) => a < w), accepts: isDate },
  DateLessThanEquals: { test: date((a, w) => a <= w), accepts: isDate },
  DateGreaterThan: { test: date((a, w) => a > w), accepts: isDate },
  DateGreaterThanEquals: { test: date((a, w) => a >= w), accepts: isDate },
  Bool: { test: equals, accepts: isBoolean },
  IpAddress: { test: inRange, accepts: isAddress },
  NotIpAddress: { test: inRange, negated: true, accepts: isAddress },
} as const satisfies Record<string, OperatorRule>;

export type Operator = keyof typeof OPERATORS;

export function isOperator(name: string): name is Operator {
  return Object.hasOwn(OPERATORS, name);
}

export function operatorAccepts(operator: Operator, wanted: string): boolean {
  return OPERATORS[operator].accepts(wanted);
}

export function conditionsHold(conditions: Conditions, context: ConditionContext): boolean {
  return conditions.every((condition) => holds(condition, context));
}

function holds(condition: Condition, context: ConditionContext): boolean {
  const rule: OperatorRule = OPERATORS[condition.operator];
  const actual = valuesOf(context, condition.key);
  const matches = actual.some((value) => condition.values.some((wanted) => rule.test(value, wanted)));
  return rule.negated === true ? !matches : matches;
}

function valuesOf(context: ConditionContext, key: string): readonly string[] {
  const name = Object.keys(context).find((candidate) => candidate.toLowerCase() === key.toLowerCase());
  const value = name === undefined ? [] : context[name];
  return typeof value === 'string' ? [value] : (value ?? []);
}

function inRange(actual: string, wanted: string): boolean {
  const range = addressRange(wanted);
  // An IPv4 client on a dual-stack socket shows as ::ffff:a.b.c.d.
  const address = actual.replace(/^::ffff:(?=\d+\.)/i, '');
  const version = isIP(address);
  return range !== undefined && version !== 0 && range.check(address, version === 4 ? 'ipv4' : 'ipv6');
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
