import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { parsePolicy, parseTrustPolicy } from '../../../src/ram/policy/document.ts';
import type { IdentityStatement } from '../../../src/ram/policy/document.ts';
import { evaluate, trusts } from '../../../src/ram/policy/evaluate.ts';
import type { NamedPolicy } from '../../../src/ram/policy/evaluate.ts';

const ACCESS = { action: 'kms:Decrypt', resource: 'acs:kms:cn-hangzhou:1:key/k' };

const policy = (name: string, ...statements: readonly object[]): NamedPolicy => ({
  name,
  statements: parsePolicy(JSON.stringify({ Version: '1', Statement: statements })),
});

test('without a statement that applies everything is refused', () => {
  assert.deepEqual(evaluate([], ACCESS, {}), { effect: 'ImplicitDeny' });
  const other = policy('p', { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' });
  assert.deepEqual(evaluate([other], ACCESS, {}), { effect: 'ImplicitDeny' });
});

test('the decision names the statement that decided, and a Deny wins over every Allow', () => {
  const allow = policy(
    'allow',
    { Effect: 'Allow', Action: 'ecs:*', Resource: '*' },
    { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
  );
  const deny = policy('deny', { Effect: 'Deny', NotAction: 'kms:Encrypt', Resource: 'acs:kms:*:*:key/k' });
  assert.deepEqual(evaluate([allow], ACCESS, {}), { effect: 'Allow', by: { policy: 'allow', statement: 1 } });
  assert.deepEqual(evaluate([allow, deny], ACCESS, {}), {
    effect: 'ExplicitDeny',
    by: { policy: 'deny', statement: 0 },
  });
});

test('NotAction and NotResource apply to everything else', () => {
  const allow = policy('p', { Effect: 'Allow', NotAction: 'ecs:*', NotResource: 'acs:kms:*:*:key/secret' });
  assert.equal(evaluate([allow], ACCESS, {}).effect, 'Allow');
  assert.equal(evaluate([allow], { ...ACCESS, action: 'ecs:CreateDisk' }, {}).effect, 'ImplicitDeny');
  assert.equal(
    evaluate([allow], { ...ACCESS, resource: 'acs:kms:cn-hangzhou:1:key/secret' }, {}).effect,
    'ImplicitDeny',
  );
});

test('a statement whose condition fails does not apply, Allow or Deny', () => {
  const condition = { Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } } };
  const allow = policy('a', { Effect: 'Allow', Action: '*', Resource: '*', ...condition });
  const deny = policy('d', { Effect: 'Deny', Action: '*', Resource: '*', ...condition });
  const all = policy('all', { Effect: 'Allow', Action: '*', Resource: '*' });
  assert.equal(evaluate([allow], ACCESS, { 'acs:SourceIp': '10.1.1.1' }).effect, 'Allow');
  assert.equal(evaluate([allow], ACCESS, { 'acs:SourceIp': '11.1.1.1' }).effect, 'ImplicitDeny');
  assert.equal(evaluate([all, deny], ACCESS, { 'acs:SourceIp': '10.1.1.1' }).effect, 'ExplicitDeny');
  assert.equal(evaluate([all, deny], ACCESS, { 'acs:SourceIp': '11.1.1.1' }).effect, 'Allow');
});

const anyStatement: fc.Arbitrary<IdentityStatement> = fc.record({
  effect: fc.constantFrom('Allow' as const, 'Deny' as const),
  actions: fc.record({
    except: fc.boolean(),
    patterns: fc.array(fc.constantFrom('*', 'kms:*', 'kms:De*', 'ecs:*', 'kms:Encrypt'), {
      minLength: 1,
      maxLength: 2,
    }),
  }),
  resources: fc.record({
    except: fc.boolean(),
    patterns: fc.array(fc.constantFrom('*', ACCESS.resource, 'acs:kms:*:1:*', 'acs:kms:*:2:*'), {
      minLength: 1,
      maxLength: 2,
    }),
  }),
  conditions: fc.constantFrom([], [{ operator: 'Bool', key: 'acs:SecureTransport', values: ['true'] }]),
});
const anyPolicies = fc.array(fc.record({ name: fc.string(), statements: fc.array(anyStatement, { maxLength: 3 }) }), {
  maxLength: 4,
});

test('the effect depends neither on the order of policies nor on how statements are spread over them', () => {
  fc.assert(
    fc.property(anyPolicies, fc.boolean(), (policies, secure) => {
      const context = { 'acs:SecureTransport': String(secure) };
      const { effect } = evaluate(policies, ACCESS, context);
      assert.equal(evaluate(policies.toReversed(), ACCESS, context).effect, effect);
      const merged = { name: 'merged', statements: policies.flatMap((one) => one.statements) };
      assert.equal(evaluate([merged], ACCESS, context).effect, effect);
    }),
    { numRuns: 500 },
  );
});

test('adding an Allow never overrides a Deny, and removing every Allow refuses', () => {
  fc.assert(
    fc.property(anyPolicies, anyStatement, (policies, statement) => {
      const before = evaluate(policies, ACCESS, {}).effect;
      const more = [...policies, { name: 'more', statements: [{ ...statement, effect: 'Allow' as const }] }];
      const after = evaluate(more, ACCESS, {}).effect;
      assert.equal(after === 'ExplicitDeny', before === 'ExplicitDeny');
      if (before === 'Allow') assert.equal(after, 'Allow');
      const none = policies.map((one) => ({
        ...one,
        statements: one.statements.filter(({ effect }) => effect === 'Deny'),
      }));
      assert.notEqual(evaluate(none, ACCESS, {}).effect, 'Allow');
    }),
    { numRuns: 500 },
  );
});

test('a role is trusted when a statement allows the principal to assume it and none denies it', () => {
  const trust = (...statements: readonly object[]) =>
    parseTrustPolicy(JSON.stringify({ Version: '1', Statement: statements }));
  const ecs = { kind: 'Service', name: 'ecs.aliyuncs.com' } as const;
  const allow = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ecs.aliyuncs.com' } };
  assert.equal(trusts(trust(allow), ecs, {}), true);
  assert.equal(trusts(trust(allow, { ...allow, Effect: 'Deny' }), ecs, {}), false);
  assert.equal(trusts(trust({ ...allow, Action: 'sts:Other' }), ecs, {}), false);
  assert.equal(trusts(trust({ ...allow, Principal: { Service: 'rds.aliyuncs.com' } }), ecs, {}), false);
  const conditional = { ...allow, Condition: { StringEquals: { 'acs:x': 'y' } } };
  assert.equal(trusts(trust(conditional), ecs, {}), false);
  assert.equal(trusts(trust(conditional), ecs, { 'acs:x': 'y' }), true);
});
