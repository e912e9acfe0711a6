import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compileAction } from '../../../src/ram/policy/action.ts';
import { principalsInclude } from '../../../src/ram/policy/principal.ts';
import { compileResource, resourceName } from '../../../src/ram/policy/resource.ts';

const resourceMatches = (pattern: string, resource: string): boolean =>
  compileResource(pattern)(resourceName(resource));
const actionMatches = (pattern: string, action: string): boolean => compileAction(pattern)(action.toLowerCase());

const KEY = 'acs:kms:cn-hangzhou:1234567890123456:key/0e478b7a';

test('resource patterns match part by part', () => {
  const cases: readonly [string, boolean][] = [
    ['*', true],
    [KEY, true],
    ['acs:kms:*:*:*', true],
    ['acs:kms:*:*:*/*', true],
    ['acs:kms:*', true],
    ['acs:kms:cn-*:1234567890123456:key/*', true],
    ['acs:kms:cn-hangzhou:1234567890123456:key', false],
    ['acs:kms:cn-beijing:*:key/*', false],
    ['acs:kms:*:6543210987654321:key/*', false],
    ['acs:ecs:*:*:*', false],
    ['acs:kms:*:*:alias/*', false],
    ['acs:kms:cn-hangzhou:1234567890123456:KEY/0e478b7a', false],
    ['acs:kms:*:key/*', true],
  ];
  for (const [pattern, matches] of cases) assert.equal(resourceMatches(pattern, KEY), matches, pattern);
});

test('a wildcard in one part does not reach into the next', () => {
  assert.equal(resourceMatches('acs:kms:*:111:key/a', 'acs:kms:r:222:alias/x:111:key/a'), false);
});

test('names of roles, users and groups match in any case', () => {
  assert.equal(resourceMatches('acs:ram:*:1:user/Alice', 'acs:ram::1:user/alice'), true);
  assert.equal(resourceMatches('acs:ram:*:1:group/*', 'acs:ram::1:group/Devs'), true);
  assert.equal(resourceMatches('acs:ram:*:1:role/ECSAdmin', 'acs:ram::1:role/ecsadmin'), true);
  assert.equal(resourceMatches('acs:ram:*:1:policy/P', 'acs:ram::1:policy/p'), false);
});

test('action patterns match in any case', () => {
  assert.equal(actionMatches('kms:list*', 'kms:ListKeys'), true);
  assert.equal(actionMatches('KMS:Decrypt', 'kms:Decrypt'), true);
  assert.equal(actionMatches('*', 'ecs:CreateDisk'), true);
  assert.equal(actionMatches('kms:Decrypt', 'kms:DecryptX'), false);
  assert.equal(actionMatches('ecs:*', 'kms:Decrypt'), false);
});

test('a service on behalf of an account is not the service itself', () => {
  const service = (name: string) => ({ kind: 'Service', name }) as const;
  assert.equal(principalsInclude({ Service: ['ecs.aliyuncs.com'] }, service('ecs.aliyuncs.com')), true);
  assert.equal(principalsInclude({ Service: ['1@ecs.aliyuncs.com'] }, service('ecs.aliyuncs.com')), false);
  assert.equal(principalsInclude({ Service: ['ecs.aliyuncs.com'] }, service('1@ecs.aliyuncs.com')), false);
  assert.equal(principalsInclude({ Service: ['1@ecs.aliyuncs.com'] }, service('1@ecs.aliyuncs.com')), true);
  assert.equal(principalsInclude({ RAM: ['*'] }, service('ecs.aliyuncs.com')), false);
});

test('an identity provider is named exactly', () => {
  const provider = { kind: 'Federated', name: 'acs:ram::1:saml-provider/corp' } as const;
  assert.equal(principalsInclude({ Federated: ['acs:ram::1:saml-provider/corp'] }, provider), true);
  assert.equal(principalsInclude({ Federated: ['acs:ram::2:saml-provider/corp'] }, provider), false);
  assert.equal(principalsInclude({ RAM: ['acs:ram::1:root', '*'] }, provider), false);
});

test("an account's root stands for everybody in it, a user or role for itself", () => {
  const user = { kind: 'RAM', name: 'acs:ram::1:user/alice' } as const;
  const role = { kind: 'RAM', name: 'acs:ram::1:role/ops' } as const;
  assert.equal(principalsInclude({ RAM: ['acs:ram::1:root'] }, user), true);
  assert.equal(principalsInclude({ RAM: ['acs:ram::2:root'] }, user), false);
  assert.equal(principalsInclude({ RAM: ['acs:ram::1:user/alice'] }, user), true);
  assert.equal(principalsInclude({ RAM: ['acs:ram::1:user/Alice'] }, user), false);
  assert.equal(principalsInclude({ RAM: ['acs:ram::1:role/Ops'] }, role), true);
  assert.equal(principalsInclude({}, user), false);
});
