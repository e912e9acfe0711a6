import assert from 'node:assert/strict';
import { test } from 'node:test';

import { explain } from '../../src/audit/why-denied.ts';

const RECORD = {
  time: '2026-11-24T08:00:00.000Z',
  kind: 'call',
  requestId: 'R',
  account: '1',
  principal: 'acs:ram::1:user/alice',
  product: 'kms',
  action: 'Decrypt',
  status: 403,
  code: 'Forbidden.NoPermission',
};
const ACCESS = { action: 'kms:Decrypt', resource: 'acs:kms:cn-hangzhou:1:key/k' };

test('without any statement that applies, it says which one would allow the call', () => {
  const { because, wouldAllow } = explain({ ...RECORD, decision: { effect: 'ImplicitDeny', ...ACCESS } });
  assert.match(
    because.join(' '),
    /No statement allows kms:Decrypt on acs:kms:cn-hangzhou:1:key\/k\..*attached to acs:ram::1:user\/alice/,
  );
  assert.deepEqual(wouldAllow, { Effect: 'Allow', Action: 'kms:Decrypt', Resource: ACCESS.resource });
});

test('a statement that denies is named with policy, version and place', () => {
  const by = {
    policy: 'fence',
    policyType: 'Custom',
    version: 'v3',
    statement: 1,
    attachedTo: 'group/devs',
    at: { line: 4, column: 5 },
  };
  const { because, wouldAllow } = explain({ ...RECORD, decision: { effect: 'ExplicitDeny', ...ACCESS, by } });
  assert.match(
    because.join(' '),
    /^Statement 2 of custom policy fence v3, at line 4, column 5, attached to group\/devs, denies kms:Decrypt/,
  );
  assert.equal(wouldAllow, undefined);
});

test('what belongs to another account cannot be allowed here', () => {
  const decision = { effect: 'ImplicitDeny', ...ACCESS, resource: 'acs:kms:cn-hangzhou:2:key/k' };
  const { because, wouldAllow } = explain({ ...RECORD, decision });
  assert.match(because.join(' '), /belongs to account 2/);
  assert.equal(wouldAllow, undefined);
});

test('a session is told that its own policy has to allow it too', () => {
  const decision = { effect: 'ImplicitDeny', ...ACCESS, policyType: 'SessionPolicy' };
  assert.match(explain({ ...RECORD, decision }).because.join(' '), /session was made with/);
});

test('requests that were refused for another reason, or not refused, are told apart', () => {
  const because = (fields: object): string => explain({ ...RECORD, ...fields }).because.join(' ');
  assert.match(because({ decision: { effect: 'Allow' }, status: 404 }), /allow it; it was refused for another reason/);
  assert.match(because({ status: 200, decision: { effect: 'Allow' } }), /not refused/);
  assert.match(because({ principal: undefined }), /before anybody knew who/);
  assert.match(because({}), /before any policy was asked/);
});
