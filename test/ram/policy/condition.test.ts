import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { conditionsHold } from '../../../src/ram/policy/condition.ts';
import type { Operator } from '../../../src/ram/policy/condition.ts';

const CONTEXT = {
  'acs:SourceIp': '10.1.2.3',
  'acs:CurrentTime': '2026-11-23T12:00:00Z',
  'acs:SecureTransport': 'true',
  'kms:tag/env': 'Prod',
  'x:n': '10',
  'x:many': ['a', 'b'],
} as const;

const TABLE: readonly [Operator, string, readonly string[], boolean][] = [
  ['StringEquals', 'kms:tag/env', ['dev', 'Prod'], true],
  ['StringEquals', 'kms:tag/env', ['prod'], false],
  ['StringEquals', 'KMS:TAG/env', ['Prod'], true],
  ['StringEquals', 'kms:tag/ENV', ['Prod'], false],
  ['StringEquals', 'x:absent', ['a'], false],
  ['StringEquals', 'x:many', ['b'], true],
  ['StringNotEquals', 'kms:tag/env', ['dev', 'Prod'], false],
  ['StringNotEquals', 'kms:tag/env', ['dev'], true],
  ['StringNotEquals', 'x:absent', ['a'], true],
  ['StringEqualsIgnoreCase', 'kms:tag/env', ['pROD'], true],
  ['StringNotEqualsIgnoreCase', 'kms:tag/env', ['pROD'], false],
  ['StringLike', 'kms:tag/env', ['P?o*'], true],
  ['StringLike', 'kms:tag/env', ['p*'], false],
  ['StringNotLike', 'kms:tag/env', ['P*'], false],
  ['NumericEquals', 'x:n', ['10.0'], true],
  ['NumericNotEquals', 'x:n', ['10'], false],
  ['NumericLessThan', 'x:n', ['10'], false],
  ['NumericLessThanEquals', 'x:n', ['10'], true],
  ['NumericGreaterThan', 'x:n', ['9'], true],
  ['NumericGreaterThan', 'kms:tag/env', ['9'], false],
  ['NumericGreaterThanEquals', 'x:n', ['10'], true],
  ['DateEquals', 'acs:CurrentTime', ['2026-11-23T20:00:00+08:00'], true],
  ['DateNotEquals', 'acs:CurrentTime', ['2026-11-23T12:00:00Z'], false],
  ['DateLessThan', 'acs:CurrentTime', ['2026-11-24'], true],
  ['DateLessThanEquals', 'acs:CurrentTime', ['2026-11-23T12:00:00Z'], true],
  ['DateGreaterThan', 'acs:CurrentTime', ['2026-11-23T12:00:00Z'], false],
  ['DateGreaterThanEquals', 'acs:CurrentTime', ['2026-11-23T12:00:00Z'], true],
  ['Bool', 'acs:SecureTransport', ['true'], true],
  ['Bool', 'acs:SecureTransport', ['false'], false],
  ['IpAddress', 'acs:SourceIp', ['192.0.2.1', '10.0.0.0/8'], true],
  ['IpAddress', 'acs:SourceIp', ['10.1.2.4'], false],
  ['IpAddress', 'acs:SourceIp', ['2001:db8::/32'], false],
  ['NotIpAddress', 'acs:SourceIp', ['10.0.0.0/8'], false],
  ['NotIpAddress', 'acs:SourceIp', ['10.2.0.0/16'], true],
];

for (const [operator, key, values, holds] of TABLE) {
  test(`${operator} ${key} ${values.join('|')} ${holds ? 'holds' : 'does not hold'}`, () => {
    assert.equal(conditionsHold([{ operator, key, values }], CONTEXT), holds);
  });
}

test('all conditions must hold, and none is no restriction', () => {
  const yes = { operator: 'StringEquals', key: 'x:n', values: ['10'] } as const;
  const no = { operator: 'StringEquals', key: 'x:n', values: ['11'] } as const;
  assert.equal(conditionsHold([], CONTEXT), true);
  assert.equal(conditionsHold([yes, yes], CONTEXT), true);
  assert.equal(conditionsHold([yes, no], CONTEXT), false);
});

test('an IPv4 client on a dual-stack socket is the same address, and IPv6 ranges work', () => {
  const inside = (ip: string, range: string) =>
    conditionsHold([{ operator: 'IpAddress', key: 'ip', values: [range] }], { ip });
  assert.equal(inside('::ffff:10.1.2.3', '10.0.0.0/8'), true);
  assert.equal(inside('2001:db8::1', '2001:db8::/32'), true);
  assert.equal(inside('2001:db9::1', '2001:db8::/32'), false);
  assert.equal(inside('not an address', '0.0.0.0/0'), false);
});

const OPPOSITES: readonly [Operator, Operator, fc.Arbitrary<string>][] = [
  ['StringEquals', 'StringNotEquals', fc.constantFrom('a', 'A', 'b', '')],
  ['StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase', fc.constantFrom('a', 'A', 'b', '')],
  ['StringLike', 'StringNotLike', fc.constantFrom('a*', '?', 'ab', '')],
  ['NumericEquals', 'NumericNotEquals', fc.constantFrom('1', '1.0', '2', '-1e3')],
  ['DateEquals', 'DateNotEquals', fc.constantFrom('2026-11-23', '2026-11-23T00:00:00Z', '2026-11-24')],
  ['IpAddress', 'NotIpAddress', fc.constantFrom('10.0.0.0/8', '10.1.1.1', '2001:db8::/32')],
];

for (const [operator, opposite, anyValue] of OPPOSITES) {
  test(`${opposite} holds exactly where ${operator} does not, with any values, present or absent`, () => {
    const actual = fc.option(fc.oneof(anyValue, fc.array(anyValue, { maxLength: 2 })), { nil: undefined });
    fc.assert(
      fc.property(fc.array(anyValue, { minLength: 1, maxLength: 3 }), actual, (values, given) => {
        const context = given === undefined ? {} : { k: given };
        const holds = (name: Operator) => conditionsHold([{ operator: name, key: 'K', values }], context);
        assert.equal(holds(opposite), !holds(operator));
      }),
    );
  });
}

test('a value of the request that an operator cannot compare matches nothing', () => {
  for (const operator of ['NumericEquals', 'NumericLessThan', 'DateEquals', 'DateGreaterThan', 'IpAddress'] as const) {
    const wanted = operator === 'IpAddress' ? '0.0.0.0/0' : operator.startsWith('Date') ? '2000-01-01' : '0';
    for (const actual of ['', 'x', 'NaN', '2026']) {
      const condition = { operator, key: 'k', values: [wanted] };
      const comparable = operator.startsWith('Numeric') && actual === '2026';
      if (!comparable) assert.equal(conditionsHold([condition], { k: actual }), false, `${operator} ${actual}`);
    }
  }
});

test('Bool takes its values in any case', () => {
  assert.equal(conditionsHold([{ operator: 'Bool', key: 'k', values: ['True'] }], { k: 'true' }), true);
});

test('tags whose keys differ in case are two tags: neither answers for the other', () => {
  const context = { 'acs:RequestTag/env': 'prod', 'acs:RequestTag/ENV': 'test' };
  const holds = (key: string, value: string) =>
    conditionsHold([{ operator: 'StringEquals', key, values: [value] }], context);
  assert.deepEqual([holds('acs:requesttag/env', 'prod'), holds('acs:RequestTag/env', 'test')], [true, false]);
  assert.deepEqual([holds('acs:RequestTag/ENV', 'test'), holds('acs:RequestTag/ENV', 'prod')], [true, false]);
});
