import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { compileStatement } from '../../../src/ram/policy/compile.ts';
import { conditionValues } from '../../../src/ram/policy/condition-values.ts';
import type { ConditionContext } from '../../../src/ram/policy/condition-values.ts';
import { parsePolicy, parseTrustPolicy } from '../../../src/ram/policy/document.ts';
import { decide, trusts } from '../../../src/ram/policy/evaluate.ts';
import type { Access, NamedPolicy, PolicySet } from '../../../src/ram/policy/evaluate.ts';

const ACCESS = { action: 'kms:Decrypt', resource: 'acs:kms:cn-hangzhou:1:key/k' };

const named = (name: string, text: string, kind: NamedPolicy['kind'] = 'Custom'): NamedPolicy => ({
  kind,
  name,
  version: 'v1',
  attachedTo: 'user/u',
  rules: parsePolicy(text).map(compileStatement),
});

const policy = (name: string, ...statements: readonly object[]): NamedPolicy =>
  named(name, JSON.stringify({ Version: '1', Statement: statements }));

const ask = (policies: PolicySet | readonly NamedPolicy[], context: ConditionContext = {}, access: Access = ACCESS) =>
  decide('identity' in policies ? policies : { identity: policies }, access, conditionValues(context)).decision;

test('without a statement that applies everything is refused', () => {
  assert.deepEqual(ask([]), { effect: 'ImplicitDeny' });
  const other = policy('p', { Effect: 'Allow', Action: 'kms:Encrypt', Resource: '*' });
  assert.deepEqual(ask([other]), { effect: 'ImplicitDeny' });
});

test('what is longer than any name is refused without a look at wildcards', () => {
  const all = policy('p', { Effect: 'Allow', Action: '*', Resource: ['*', `acs:*${'a'.repeat(3_000)}b`] });
  const name = 'acs:kms:cn-hangzhou:1:key/';
  assert.equal(ask([all], {}, { ...ACCESS, resource: name.padEnd(512, 'a') }).effect, 'Allow');
  for (const length of [513, 400_000]) {
    const startedMs = performance.now();
    assert.deepEqual(ask([all], {}, { ...ACCESS, resource: name.padEnd(length, 'a') }), { effect: 'ImplicitDeny' });
    assert.deepEqual(ask([all], {}, { ...ACCESS, action: 'kms:'.padEnd(length, 'a') }), { effect: 'ImplicitDeny' });
    assert.ok(performance.now() - startedMs < 1_000, 'it took seconds');
  }
});

test('the decision names the statement that decided and where it stands, and a Deny wins over every Allow', () => {
  const allow = named(
    'allow',
    `{"Version": "1", "Statement": [
      {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"},
      {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}`,
    'System',
  );
  const deny = policy('deny', { Effect: 'Deny', NotAction: 'kms:Encrypt', Resource: 'acs:kms:*:*:key/k' });
  const by = { version: 'v1', attachedTo: 'user/u' };
  assert.deepEqual(ask([allow]), {
    effect: 'Allow',
    by: { ...by, policyType: 'System', policy: 'allow', statement: 1, at: { line: 3, column: 7 } },
  });
  assert.deepEqual(ask([allow, deny]), {
    effect: 'ExplicitDeny',
    by: { ...by, policyType: 'Custom', policy: 'deny', statement: 0, at: { line: 1, column: 29 } },
  });
});

test('NotAction and NotResource apply to everything else', () => {
  const allow = policy('p', { Effect: 'Allow', NotAction: 'ecs:*', NotResource: 'acs:kms:*:*:key/secret' });
  assert.equal(ask([allow]).effect, 'Allow');
  assert.equal(ask([allow], {}, { ...ACCESS, action: 'ecs:CreateDisk' }).effect, 'ImplicitDeny');
  const secret = { ...ACCESS, resource: 'acs:kms:cn-hangzhou:1:key/secret' };
  assert.equal(ask([allow], {}, secret).effect, 'ImplicitDeny');
});

test('a statement whose condition fails does not apply, Allow or Deny', () => {
  const condition = { Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' } } };
  const allow = policy('a', { Effect: 'Allow', Action: '*', Resource: '*', ...condition });
  const deny = policy('d', { Effect: 'Deny', Action: '*', Resource: '*', ...condition });
  const all = policy('all', { Effect: 'Allow', Action: '*', Resource: '*' });
  assert.equal(ask([allow], { 'acs:SourceIp': '10.1.1.1' }).effect, 'Allow');
  assert.equal(ask([allow], { 'acs:SourceIp': '11.1.1.1' }).effect, 'ImplicitDeny');
  assert.equal(ask([all, deny], { 'acs:SourceIp': '10.1.1.1' }).effect, 'ExplicitDeny');
  assert.equal(ask([all, deny], { 'acs:SourceIp': '11.1.1.1' }).effect, 'Allow');
});

test('a session policy that does not allow has the last word and is named', () => {
  const all = policy('all', { Effect: 'Allow', Action: '*', Resource: '*' });
  const outcome = (session: NamedPolicy, identity: readonly NamedPolicy[]) => {
    const { decision, layer } = decide({ session, identity }, ACCESS, conditionValues({}));
    return [decision.effect, layer];
  };
  assert.deepEqual(outcome(policy('s', { Effect: 'Allow', Action: 'ecs:*', Resource: '*' }), [all]), [
    'ImplicitDeny',
    'SessionPolicy',
  ]);
  assert.deepEqual(outcome(policy('s', { Effect: 'Deny', Action: 'kms:*', Resource: '*' }), [all]), [
    'ExplicitDeny',
    'SessionPolicy',
  ]);
  assert.deepEqual(outcome(all, []), ['ImplicitDeny', 'AccountLevelIdentityBasedPolicy']);
  assert.deepEqual(outcome(all, [all]), ['Allow', 'AccountLevelIdentityBasedPolicy']);
});

// Statements as they are written, so that reading, compiling and deciding are all under the properties below.
const anyOf = (...patterns: readonly string[]) =>
  fc.uniqueArray(fc.constantFrom(...patterns), { minLength: 1, maxLength: 2 });
const anyStatement = fc
  .record({
    effect: fc.constantFrom('Allow' as const, 'Deny' as const),
    action: fc.constantFrom('Action', 'NotAction'),
    actions: anyOf('*', 'kms:*', 'kms:De*', 'KMS:decrypt', 'kms:D?crypt', 'ecs:*', 'kms:Encrypt'),
    resource: fc.constantFrom('Resource', 'NotResource'),
    resources: anyOf('*', ACCESS.resource, 'acs:kms:*:1:*', 'acs:kms:*:2:*', 'acs:kms:*:*:key/?', 'acs:ecs:*'),
    condition: fc.constantFrom(
      {},
      { Condition: { Bool: { 'acs:SecureTransport': 'true' } } },
      { Condition: { StringNotLike: { 'kms:tag/env': ['p*', 'q'] } } },
      { Condition: { IpAddress: { 'acs:SourceIp': '10.0.0.0/8' }, StringEquals: { 'kms:tag/env': 'prod' } } },
    ),
  })
  .map(({ effect, action, actions, resource, resources, condition }) => ({
    Effect: effect,
    [action]: actions,
    [resource]: resources,
    ...condition,
  }));
const anyPolicy = fc.array(anyStatement, { minLength: 1, maxLength: 4 }).map((some) => policy('any', ...some));
const anyPolicies = fc.array(anyPolicy, { maxLength: 4 });
const anyContext = fc.record({
  'acs:SecureTransport': fc.constantFrom('true', 'false'),
  'acs:SourceIp': fc.constantFrom('10.1.1.1', '192.0.2.1'),
  'kms:tag/env': fc.constantFrom('prod', 'q', 'dev'),
});
const RUNS = { numRuns: 1_000 };

test('the effect depends neither on the order of policies and statements nor on how statements are spread', () => {
  fc.assert(
    fc.property(anyPolicies, anyContext, fc.infiniteStream(fc.nat()), (policies, context, random) => {
      const { effect } = ask(policies, context);
      assert.equal(ask(policies.toReversed(), context).effect, effect);
      const rules = policies.flatMap((one) => one.rules);
      const shuffled = rules
        .map((rule) => ({ rule, place: Number(random.next().value) }))
        .toSorted((one, other) => one.place - other.place)
        .map(({ rule }) => rule);
      assert.equal(
        ask([{ ...policy('merged', { Effect: 'Deny', Action: 'a:b', Resource: '*' }), rules: shuffled }], context)
          .effect,
        effect,
      );
    }),
    RUNS,
  );
});

test('adding a Deny never allows, and adding an Allow never denies', () => {
  fc.assert(
    fc.property(anyPolicies, anyStatement, anyContext, (policies, statement, context) => {
      const before = ask(policies, context).effect;
      const denied = ask([...policies, policy('more', { ...statement, Effect: 'Deny' })], context).effect;
      if (before !== 'Allow') assert.notEqual(denied, 'Allow');
      if (before === 'ExplicitDeny') assert.equal(denied, 'ExplicitDeny');
      const allowed = ask([...policies, policy('more', { ...statement, Effect: 'Allow' })], context).effect;
      if (before === 'Allow') assert.equal(allowed, 'Allow');
      assert.equal(allowed === 'ExplicitDeny', before === 'ExplicitDeny');
    }),
    RUNS,
  );
});

test('without any Allow everything is refused, and without any Deny nothing explicitly', () => {
  fc.assert(
    fc.property(anyPolicies, anyContext, (policies, context) => {
      const only = (wanted: 'Allow' | 'Deny') =>
        policies.map((one) => ({ ...one, rules: one.rules.filter(({ effect }) => effect === wanted) }));
      assert.notEqual(ask(only('Deny'), context).effect, 'Allow');
      assert.notEqual(ask(only('Allow'), context).effect, 'ExplicitDeny');
    }),
    RUNS,
  );
});

test('a session policy only narrows: both must allow, and one that allows everything changes nothing', () => {
  const all = policy('all', { Effect: 'Allow', Action: '*', Resource: '*' });
  fc.assert(
    fc.property(anyPolicies, anyPolicy, anyContext, (identity, session, context) => {
      const narrowed = ask({ session, identity }, context).effect === 'Allow';
      assert.equal(narrowed, ask(identity, context).effect === 'Allow' && ask([session], context).effect === 'Allow');
      assert.deepEqual(ask({ session: all, identity }, context), ask(identity, context));
    }),
    RUNS,
  );
});

test('the statement that is named really applies and has the effect of the decision', () => {
  fc.assert(
    fc.property(anyPolicies, anyContext, (policies, context) => {
      const distinct = policies.map((one, index) => ({ ...one, name: `p${index}` }));
      const decision = ask(distinct, context);
      if (decision.effect === 'ImplicitDeny') return;
      const { by } = decision;
      const rule = distinct.find(({ name }) => name === by.policy)?.rules[by.statement];
      assert.ok(rule !== undefined);
      assert.equal(rule.effect, decision.effect === 'Allow' ? 'Allow' : 'Deny');
      assert.deepEqual(rule.at, by.at);
      const alone = ask(
        [{ ...policy('alone', { Effect: 'Deny', Action: 'a:b', Resource: '*' }), rules: [rule] }],
        context,
      );
      assert.equal(alone.effect, decision.effect);
    }),
    RUNS,
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
  const { Action: _action, ...anyAction } = allow;
  assert.equal(trusts(trust({ ...anyAction, NotAction: 'sts:Other' }), ecs, {}), true);
  assert.equal(trusts(trust({ ...anyAction, NotAction: 'sts:Assume*' }), ecs, {}), false);
  assert.equal(trusts(trust({ ...allow, Principal: { Service: 'rds.aliyuncs.com' } }), ecs, {}), false);
  const conditional = { ...allow, Condition: { StringEquals: { 'acs:x': 'y' } } };
  assert.equal(trusts(trust(conditional), ecs, {}), false);
  assert.equal(trusts(trust(conditional), ecs, { 'acs:x': 'y' }), true);
});
