import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { parsePolicy, parseTrustPolicy } from '../../../src/ram/policy/document.ts';
import { PolicySyntaxError } from '../../../src/ram/policy/syntax-error.ts';
import { SHARING_POLICY, SHARING_POLICY_AS_PRINTED } from './sharing-policy.ts';

test('a policy with every element is read completely', () => {
  const text = `{
    "Version": "1",
    "Statement": [
      {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": ["acs:kms:*:*:key/*"],
       "Condition": {"IpAddress": {"acs:SourceIp": ["10.0.0.0/8", "192.0.2.1"]}, "Bool": {"acs:SecureTransport": true},
                     "NumericLessThan": {"x:n": 5}}},
      {"Effect": "Deny", "NotAction": ["ecs:Describe*", "*"], "NotResource": "*"}
    ]}`;
  assert.deepEqual(parsePolicy(text), [
    {
      effect: 'Allow',
      at: { line: 4, column: 7 },
      actions: { except: false, patterns: ['kms:Decrypt'] },
      resources: { except: false, patterns: ['acs:kms:*:*:key/*'] },
      conditions: [
        { operator: 'IpAddress', key: 'acs:SourceIp', values: ['10.0.0.0/8', '192.0.2.1'] },
        { operator: 'Bool', key: 'acs:SecureTransport', values: ['true'] },
        { operator: 'NumericLessThan', key: 'x:n', values: ['5'] },
      ],
    },
    {
      effect: 'Deny',
      at: { line: 7, column: 7 },
      actions: { except: true, patterns: ['ecs:Describe*', '*'] },
      resources: { except: true, patterns: ['*'] },
      conditions: [],
    },
  ]);
});

test("the disk role's trust policy is read", () => {
  const text =
    '{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":["ecs.aliyuncs.com"]}}],"Version":"1"}';
  assert.deepEqual(parseTrustPolicy(text), [
    {
      effect: 'Allow',
      at: { line: 1, column: 15 },
      actions: { except: false, patterns: ['sts:AssumeRole'] },
      principals: { Service: ['ecs.aliyuncs.com'] },
      conditions: [],
    },
  ]);
});

test('M23: the sample policy as it is printed is refused where its comma is missing, and with the comma it is read', () => {
  assert.throws(
    () => parsePolicy(SHARING_POLICY_AS_PRINTED),
    (error: unknown) => {
      assert.ok(error instanceof PolicySyntaxError);
      assert.deepEqual(error.position, { line: 19, column: 9 });
      assert.equal(error.message, "Expected ',' or ']', found a double quote (line 19, column 9).");
      return true;
    },
  );
  const [list, use] = parsePolicy(SHARING_POLICY);
  assert.deepEqual(list?.resources.patterns, ['acs:kms:cn-beijing:xxx:key', 'acs:kms:cn-shanghai:xxx:key']);
  assert.deepEqual(use?.actions.patterns, [
    'kms:DescribeKey',
    'kms:TagResource',
    'kms:UntagResource',
    'kms:Encrypt',
    'kms:Decrypt',
    'kms:GenerateDataKey',
  ]);
});

const statement = (members: string): string => `{"Version":"1","Statement":[{${members}}]}`;
const ALLOW = '"Effect":"Allow"';
const ACTION = '"Action":"ecs:*"';
const RESOURCE = '"Resource":"*"';

test('whatever is not understood is refused and says what is wrong', () => {
  const cases: readonly [string, RegExp][] = [
    ['[]', /A policy must be an object/],
    ['{"Version":"1"}', /Statement is missing/],
    ['{"Statement":[]}', /Version is missing/],
    ['{"Version":"2012-10-17","Statement":[]}', /Version must be "1"/],
    ['{"Version":1,"Statement":[]}', /Version must be "1"/],
    ['{"Version":"1","Statement":[]}', /at least one/],
    ['{"Version":"1","Statement":{}}', /must be a list/],
    ['{"Version":"1","Statement":["x"]}', /A statement must be an object/],
    ['{"Version":"1","Id":"x","Statement":[]}', /"Id" is no part of a policy/],
    [statement(`${ACTION},${RESOURCE}`), /Effect is missing/],
    [statement(`"Effect":"allow",${ACTION},${RESOURCE}`), /Effect must be/],
    [statement(`${ALLOW},${RESOURCE}`), /needs Action or NotAction/],
    [statement(`${ALLOW},${ACTION}`), /needs Resource or NotResource/],
    [statement(`${ALLOW},${ACTION},"NotAction":"x:y",${RESOURCE}`), /either Action or NotAction/],
    [statement(`${ALLOW},"Action":[],${RESOURCE}`), /empty list/],
    [statement(`${ALLOW},"Action":[1],${RESOURCE}`), /must be a text/],
    [statement(`${ALLOW},"Action":"Decrypt",${RESOURCE}`), /"Decrypt" has not the form/],
    [statement(`${ALLOW},${ACTION},"Resource":"key/*"`), /"key\/\*" has not the form/],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Conditions":{}`), /"Conditions" is no part/],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Principal":"*"`), /"Principal" is no part/],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"StringEqual":{"a":"b"}}`), /not a condition operator/],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"toString":{"a":"b"}}`), /not a condition operator/],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"IpAddress":{"a":"10.0.0.0/33"}}`), /cannot compare/],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"DateLessThan":{"a":"soon"}}`), /cannot compare/],
    ...['2026-11-23T12:00:00', '2026-02-31', '2026-13-01', '2026-11-23T25:00:00Z', '2026-11-23T'].map(
      (date): [string, RegExp] => [
        statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"DateLessThan":{"a":"${date}"}}`),
        /cannot compare/,
      ],
    ),
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"Bool":{"a":"yes"}}`), /cannot compare/],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"NumericEquals":{"a":"x"}}`), /cannot compare/],
    [
      statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"StringEqualsIfExists":{"a":"x"}}`),
      /there are StringEquals,/,
    ],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"ForAnyValue:StringLike":{"a":"x"}}`), /not a condition/],
    [statement(`${ALLOW},${ACTION},${RESOURCE},"Condition":{"StringLike":{"a":"${'${b}'}"}}`), /has none/],
    [statement(`${ALLOW},${ACTION},"Resource":"acs:oss:*:*:${'${ram:UserName}'}/*"`), /variable/],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => parsePolicy(text),
      (error: unknown) => {
        assert.ok(error instanceof PolicySyntaxError, `${text}: ${String(error)}`);
        assert.equal(error.code, 'POLICY_MALFORMED');
        assert.match(error.message, message);
        return true;
      },
      text,
    );
  }
});

test('a trust policy names principals that exist in form', () => {
  const trust = (principal: string): string => statement(`${ALLOW},"Action":"sts:AssumeRole","Principal":${principal}`);
  for (const good of [
    '{"Service":"ecs.aliyuncs.com"}',
    '{"Service":["1234567890123456@ecs.aliyuncs.com"]}',
    '{"Federated":["acs:ram::123:saml-provider/corp","acs:ram::123:oidc-provider/ci"]}',
    '{"RAM":["acs:ram::123:root","acs:ram::123:user/alice","acs:ram::123:role/ops"]}',
  ]) {
    assert.doesNotThrow(() => parseTrustPolicy(trust(good)), good);
  }
  for (const bad of [
    '{}',
    '"*"',
    '{"AWS":"*"}',
    '{"Service":"evil.example.com"}',
    '{"Service":[]}',
    '{"RAM":"alice"}',
    '{"Federated":"acs:ram::123:user/alice"}',
    '{"NotPrincipal":"*"}',
    '{"RAM":"acs:ram::*:root"}',
  ]) {
    assert.throws(() => parseTrustPolicy(trust(bad)), PolicySyntaxError, bad);
  }
  assert.throws(() => parseTrustPolicy(statement(`${ALLOW},"Action":"sts:AssumeRole"`)), /Principal is missing/);
  assert.throws(
    () => parseTrustPolicy(statement(`${ALLOW},"Action":"sts:AssumeRole",${RESOURCE}`)),
    /"Resource" is no part of a trust statement/,
  );
});

test('whatever is done to a policy, it is read or refused at a place inside it', () => {
  let read = 0;
  let refused = 0;
  const change = fc.record({
    at: fc.nat({ max: SHARING_POLICY.length - 1 }),
    length: fc.nat({ max: 12 }),
    text: fc.oneof(
      fc.constant(''),
      fc.string({ maxLength: 4 }),
      fc.constantFrom('"', '{', '}', ',', '[', ']', ':', '\n', '"Deny"', '"NotAction":', '"Principal":', '1', 'null'),
    ),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      const text = changes.reduce(
        (before, { at, length, text: inserted }) => before.slice(0, at) + inserted + before.slice(at + length),
        SHARING_POLICY,
      );
      try {
        assert.ok(parsePolicy(text).length > 0);
        read += 1;
      } catch (error) {
        assert.ok(error instanceof PolicySyntaxError, String(error));
        const { line, column } = error.position;
        const lines = text.split('\n');
        assert.ok(line >= 1 && line <= lines.length, error.message);
        assert.ok(column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1, error.message);
        refused += 1;
      }
    }),
    { numRuns: 3_000 },
  );
  assert.ok(read > 100 && refused > 1_000, `${read} read, ${refused} refused`);
});
