import assert from 'node:assert/strict';
import { test } from 'node:test';

import { putSessionEnd } from '../../src/metadata/session-ends.ts';
import { updateRole } from '../../src/services/ram/actions/UpdateRole.ts';
import { createRole } from '../../src/services/ram/actions/CreateRole.ts';
import { deleteRole } from '../../src/services/ram/actions/DeleteRole.ts';
import { act } from '../services/ram/support.ts';
import { assume, everybodyIn, makeRole, openSts, trusting, user } from '../services/sts/sts-support.ts';
import type { TestSts } from '../services/sts/sts-support.ts';

interface Keys {
  readonly id: string;
  readonly token: string;
}

async function keysOf(sts: TestSts, RoleArn: string, more: object = {}): Promise<Keys> {
  const { Credentials } = await assume(sts, user(sts), { RoleArn, RoleSessionName: 'alice', ...more });
  return { id: Credentials?.AccessKeyId ?? '', token: Credentials?.SecurityToken ?? '' };
}

async function stateOf(sts: TestSts, { id, token }: Keys): Promise<string> {
  const found = await sts.credentials.find(id, token);
  if (found === undefined) return 'unknown';
  if ('token' in found) return found.token;
  return ('ended' in found ? found.ended : undefined) ?? 'good';
}

const withRole = async (): Promise<TestSts & { readonly arn: string }> => {
  const sts = await openSts();
  return { ...sts, arn: await makeRole(sts, 'Ops', trusting([everybodyIn(sts.accountId)])) };
};

test('a session is good until the second in which it expires', async () => {
  await using sts = await withRole();
  const keys = await keysOf(sts, sts.arn, { DurationSeconds: 900 });
  sts.clock.ms += 899_999;
  assert.equal(await stateOf(sts, keys), 'good');
  sts.clock.ms += 1;
  assert.equal(await stateOf(sts, keys), 'expired');
});

test('tokens that are missing, not ours, changed in any character, or of another AccessKey are told apart', async () => {
  await using sts = await withRole();
  const keys = await keysOf(sts, sts.arn);
  const other = await keysOf(sts, sts.arn);
  assert.equal(await stateOf(sts, { ...keys, token: '' }), 'missing');
  assert.equal(await stateOf(sts, { ...keys, token: 'CAISnonsense' }), 'malformed');
  assert.equal(await stateOf(sts, { ...keys, token: `${keys.token}=` }), 'malformed');
  assert.equal(await stateOf(sts, { ...keys, token: 'A'.repeat(100_000) }), 'malformed');
  assert.equal(await stateOf(sts, { ...keys, token: other.token }), 'mismatch');
  for (let index = 0; index < keys.token.length; index += 7) {
    const changed = keys.token[index] === 'A' ? 'B' : 'A';
    const token = keys.token.slice(0, index) + changed + keys.token.slice(index + 1);
    assert.equal(await stateOf(sts, { ...keys, token }), 'malformed', `character ${index}`);
  }
  assert.equal(await stateOf(sts, { ...keys, id: 'STS.short' }), 'unknown');
  assert.equal(await stateOf(sts, { ...keys, id: 'LTAIunknown' }), 'unknown');
});

test('deleting the role ends its sessions, and a new role of the same name does not bring them back', async () => {
  await using sts = await withRole();
  const keys = await keysOf(sts, sts.arn);
  await act(sts, deleteRole(sts), { RoleName: 'Ops' });
  assert.equal(await stateOf(sts, keys), 'revoked');
  const trust = trusting([everybodyIn(sts.accountId)]);
  await act(sts, createRole(sts), { RoleName: 'Ops', AssumeRolePolicyDocument: trust });
  assert.equal(await stateOf(sts, keys), 'revoked');
  assert.equal(await stateOf(sts, await keysOf(sts, sts.arn)), 'good');
});

test('sessions end when the trust policy no longer names who assumed the role, and only those', async () => {
  await using sts = await withRole();
  const keys = await keysOf(sts, sts.arn, { ExternalId: 'abcd1234' });
  const change = (document: string) =>
    act(sts, updateRole(sts), { RoleName: 'Ops', NewAssumeRolePolicyDocument: document });
  await change(trusting([user(sts).arn, everybodyIn(sts.otherAccountId)]));
  assert.equal(await stateOf(sts, keys), 'good', 'alice is still named');
  await change(trusting([user(sts).arn], { StringEquals: { 'sts:ExternalId': 'another' } }));
  assert.equal(await stateOf(sts, keys), 'good', 'conditions are asked when the role is assumed');
  await change(trusting([user(sts, 'bob').arn]));
  assert.equal(await stateOf(sts, keys), 'revoked');
  await change(trusting([user(sts).arn]));
  assert.equal(await stateOf(sts, keys), 'good', 'the trust is back before the session was over');
  const allow = { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { RAM: ['*'] } };
  const deny = { Action: 'sts:*', Effect: 'Deny', Principal: { RAM: [user(sts).arn] } };
  await change(JSON.stringify({ Version: '1', Statement: [allow, deny] }));
  assert.equal(await stateOf(sts, keys), 'revoked', 'an explicit Deny names alice');
  const service = { ...allow, Principal: { Service: ['ecs.aliyuncs.com'] } };
  await change(JSON.stringify({ Version: '1', Statement: [service] }));
  assert.equal(await stateOf(sts, keys), 'revoked', 'only a service is trusted');
});

test('a marked end takes every session that was issued until then, and the later mark counts', async () => {
  await using sts = await withRole();
  const before = await keysOf(sts, sts.arn);
  const found = await sts.credentials.find(before.id, before.token);
  assert.ok(found !== undefined && 'caller' in found && 'session' in found.caller);
  const { roleId } = found.caller.session;
  const endAt = (endedMs: number) =>
    sts.database.transact((transaction) => putSessionEnd(transaction, { roleId, accountId: sts.accountId, endedMs }));
  await endAt(sts.clock.ms);
  assert.equal(await stateOf(sts, before), 'revoked');
  sts.clock.ms += 1;
  const after = await keysOf(sts, sts.arn);
  assert.equal(await stateOf(sts, after), 'good');
  await endAt(sts.clock.ms - 1000);
  assert.equal(await stateOf(sts, before), 'revoked', 'an earlier mark takes nothing back');
});

test('a session of a role that an older database does not know is over', async () => {
  await using sts = await withRole();
  await using older = await openSts();
  assert.equal(await stateOf(older, await keysOf(sts, sts.arn)), 'revoked');
});
