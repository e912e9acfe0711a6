import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assumeRole } from '../../../../src/services/sts/actions/AssumeRole.ts';
import { callOf, refused } from '../../ram/support.ts';
import { assume, callerOf, everybodyIn, makeRole, openSts, root, trusting, user } from '../sts-support.ts';
import type { TestSts } from '../sts-support.ts';

const SESSION = { RoleSessionName: 'alice' };

/** A role `Ops` that everybody in the account may assume. */
async function withRole(maxSessionDurationS?: number): Promise<TestSts & { readonly arn: string }> {
  const sts = await openSts();
  const options = maxSessionDurationS === undefined ? {} : { maxSessionDurationS };
  return { ...sts, arn: await makeRole(sts, 'Ops', trusting([everybodyIn(sts.accountId)]), options) };
}

test('a user whom the role trusts gets credentials that are known as the role for an hour', async () => {
  await using sts = await withRole();
  const answer = await assume(sts, user(sts), { RoleArn: sts.arn, ...SESSION });
  const { AccessKeyId, AccessKeySecret, Expiration, SecurityToken } = answer.Credentials ?? {};
  assert.match(AccessKeyId ?? '', /^STS\.[A-Za-z0-9]{24}$/);
  assert.match(AccessKeySecret ?? '', /^[A-Za-z0-9]{44}$/);
  assert.match(SecurityToken ?? '', /^[A-Za-z0-9_-]{250,}$/);
  assert.equal(Expiration, '2026-11-23T13:00:00Z');
  const { Arn, AssumedRoleId } = answer.AssumedRoleUser ?? {};
  assert.equal(Arn, `acs:ram::${sts.accountId}:role/ops/alice`);
  assert.match(AssumedRoleId ?? '', /^3\d{17}:alice$/);
  const found = await sts.credentials.find(AccessKeyId ?? '', SecurityToken);
  assert.ok(found !== undefined && 'secret' in found);
  assert.equal(Buffer.from(found.secret).toString(), AccessKeySecret);
  assert.equal(found.caller.arn, Arn);
  assert.equal(found.caller.principalType, 'AssumedRoleUser');
});

test('the permission that is asked for is sts:AssumeRole on the role, also of another account', async () => {
  await using sts = await openSts();
  const accessTo = (RoleArn: string) => assumeRole(sts.deps).access(callOf(sts, { RoleArn, ...SESSION }));
  assert.deepEqual(accessTo('acs:ram::1111111111111111:role/ECSAdmin'), [
    { action: 'sts:AssumeRole', resource: 'acs:ram::1111111111111111:role/ecsadmin' },
  ]);
  for (const bad of [
    '',
    'Ops',
    'acs:ram::1:user/a',
    'acs:ram::x:role/a',
    'acs:ram:r:1:role/a',
    'acs:ram::1:role/a/b',
  ]) {
    assert.throws(() => accessTo(bad), refused('InvalidParameter.RoleArn', 400));
  }
});

test('the account itself cannot assume a role', async () => {
  await using sts = await withRole();
  await assert.rejects(assume(sts, root(sts), { RoleArn: sts.arn, ...SESSION }), refused('NoPermission', 403));
});

test('whom the trust policy names may come in: an account, a user, a role; nobody else', async () => {
  await using sts = await openSts();
  const { accountId, otherAccountId } = sts;
  const theirs = user(sts, 'alice', otherAccountId);
  const cases: readonly [string[], boolean, boolean, boolean][] = [
    // who is trusted; whether alice and bob of the account, and alice of the other account, may come in
    [[everybodyIn(accountId)], true, true, false],
    [[everybodyIn(otherAccountId)], false, false, true],
    [[user(sts, 'alice').arn], true, false, false],
    [[user(sts, 'bob').arn, theirs.arn], false, true, true],
    [['*'], true, true, true],
    [[`acs:ram::${accountId}:role/alice`], false, false, false],
  ];
  for (const [index, [trusted, ...expected]] of cases.entries()) {
    const RoleArn = await makeRole(sts, `r${index}`, trusting(trusted));
    for (const [position, caller] of [user(sts, 'alice'), user(sts, 'bob'), theirs].entries()) {
      const attempt = assume(sts, caller, { RoleArn, ...SESSION });
      if (expected[position] === true) await attempt;
      else await assert.rejects(attempt, refused('NoPermission', 403), `${caller.arn} and ${trusted.join()}`);
    }
  }
});

test('a role that trusts a service, also on behalf of an account, lets no user in', async () => {
  await using sts = await openSts();
  for (const [index, service] of ['ecs.aliyuncs.com', `${sts.accountId}@ecs.aliyuncs.com`].entries()) {
    const trust = { Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: [service] } };
    const document = JSON.stringify({ Version: '1', Statement: [trust] });
    const RoleArn = await makeRole(sts, `service${index}`, document);
    await assert.rejects(assume(sts, user(sts), { RoleArn, ...SESSION }), refused('NoPermission', 403));
  }
});

test('conditions of the trust policy are asked: external id, address, session name', async () => {
  await using sts = await openSts();
  const everybody = [everybodyIn(sts.accountId)];
  const roles = {
    external: trusting(everybody, { StringEquals: { 'sts:ExternalId': 'abcd1234' } }),
    address: trusting(everybody, { IpAddress: { 'acs:SourceIp': '192.0.2.0/24' } }),
    elsewhere: trusting(everybody, { IpAddress: { 'acs:SourceIp': '198.51.100.0/24' } }),
    named: trusting(everybody, { StringLike: { 'sts:RoleSessionName': 'ci-*' } }),
    secure: trusting(everybody, { Bool: { 'acs:SecureTransport': 'true' } }),
    early: trusting(everybody, { DateLessThan: { 'acs:CurrentTime': '2026-11-23T12:00:01Z' } }),
  };
  for (const [name, trust] of Object.entries(roles)) await makeRole(sts, name, trust);
  const outcome = async (role: string, more: object = {}): Promise<string> => {
    const RoleArn = `acs:ram::${sts.accountId}:role/${role}`;
    const caller = { ...user(sts), ...('secureTransport' in more ? { secureTransport: true } : {}) };
    const { secureTransport: _, ...input } = more as { secureTransport?: boolean };
    return assume(sts, caller, { RoleArn, ...SESSION, ...input }).then(
      () => 'in',
      (error: { code: string }) => error.code,
    );
  };
  assert.equal(await outcome('external', { ExternalId: 'abcd1234' }), 'in');
  assert.equal(await outcome('external', { ExternalId: 'abcd12345' }), 'NoPermission');
  assert.equal(await outcome('external'), 'NoPermission');
  assert.equal(await outcome('address'), 'in');
  assert.equal(await outcome('elsewhere'), 'NoPermission');
  assert.equal(await outcome('named', { RoleSessionName: 'ci-7' }), 'in');
  assert.equal(await outcome('named'), 'NoPermission');
  assert.equal(await outcome('secure', { secureTransport: true }), 'in');
  assert.equal(await outcome('secure'), 'NoPermission');
  assert.equal(await outcome('early'), 'in');
  sts.clock.ms += 1000;
  assert.equal(await outcome('early'), 'NoPermission');
});

test('a role that is missing is told in the own account, and cannot be told from one that does not trust elsewhere', async () => {
  await using sts = await openSts();
  const nowhere = { RoleArn: `acs:ram::${sts.accountId}:role/nowhere`, ...SESSION };
  await assert.rejects(assume(sts, user(sts), nowhere), refused('EntityNotExist.Role', 404));
  const theirs = await makeRole(sts, 'theirs', trusting([everybodyIn(sts.otherAccountId)]), {
    accountId: sts.otherAccountId,
  });
  const messages: string[] = [];
  for (const RoleArn of [theirs, theirs.replace('theirs', 'nobody'), 'acs:ram::8999999999999999:role/theirs']) {
    await assert.rejects(assume(sts, user(sts), { RoleArn, ...SESSION }), (error: Error) => {
      messages.push(error.message.replace(RoleArn, 'ARN'));
      return refused('NoPermission', 403)(error);
    });
  }
  assert.equal(new Set(messages).size, 1, messages.join('\n'));
});

test('each parameter is held to its rule', async () => {
  await using sts = await withRole(7200);
  const policy = (length: number): string =>
    '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'.padEnd(length);
  const good: readonly object[] = [
    { RoleSessionName: 'ab' },
    { RoleSessionName: `A._@-${'9'.repeat(59)}` },
    { DurationSeconds: 900 },
    { DurationSeconds: 7200 },
    { Policy: policy(2048) },
    { ExternalId: 'a+=,.@:/-_' },
    { ExternalId: 'x'.repeat(1224) },
    { SourceIdentity: 'ab' },
  ];
  for (const more of good) await assume(sts, user(sts), { RoleArn: sts.arn, ...SESSION, ...more });
  const bad: readonly [object, string, RegExp?][] = [
    [{ RoleSessionName: 'a' }, 'InvalidParameter.RoleSessionName'],
    [{ RoleSessionName: 'x'.repeat(65) }, 'InvalidParameter.RoleSessionName'],
    [{ RoleSessionName: 'with space' }, 'InvalidParameter.RoleSessionName'],
    [{ RoleSessionName: 'a/b' }, 'InvalidParameter.RoleSessionName'],
    [{ DurationSeconds: 899 }, 'InvalidParameter.DurationSeconds'],
    [{ DurationSeconds: 7201 }, 'InvalidParameter.DurationSeconds', /7200/],
    [{ Policy: policy(2049) }, 'InvalidParameter.PolicySize'],
    [
      { Policy: '{"Version":"1","Statement":[{"Effect" "Allow"}]}' },
      'InvalidParameter.PolicyGrammar',
      /line 1, column/,
    ],
    [{ ExternalId: 'x' }, 'InvalidParameter'],
    [{ ExternalId: 'x'.repeat(1225) }, 'InvalidParameter'],
    [{ ExternalId: 'a b' }, 'InvalidParameter'],
    [{ SourceIdentity: 'x' }, 'InvalidParameter'],
  ];
  for (const [more, code, message] of bad) {
    const attempt = assume(sts, user(sts), { RoleArn: sts.arn, ...SESSION, ...more });
    await assert.rejects(attempt, refused(code, 400, message));
  }
});

test('a session may assume a further role for up to an hour, and keeps its source identity', async () => {
  await using sts = await withRole(43_200);
  const first = await assume(sts, user(sts), { RoleArn: sts.arn, ...SESSION, SourceIdentity: 'alice.example' });
  assert.equal(first.SourceIdentity, 'alice.example');
  const caller = await callerOf(sts, first);
  const second = await makeRole(sts, 'Second', trusting([sts.arn]), { maxSessionDurationS: 43_200 });
  const chained = await assume(sts, caller, { RoleArn: second, RoleSessionName: 'chained', DurationSeconds: 3600 });
  assert.equal(chained.SourceIdentity, 'alice.example');
  assert.equal((await callerOf(sts, chained)).session?.assumedBy, sts.arn);
  const longer = assume(sts, caller, { RoleArn: second, RoleSessionName: 'chained', DurationSeconds: 3601 });
  await assert.rejects(longer, refused('InvalidParameter.DurationSeconds', 400));
  const renamed = assume(sts, caller, { RoleArn: second, RoleSessionName: 'chained', SourceIdentity: 'bob' });
  await assert.rejects(renamed, refused('InvalidParameter', 400));
});

test('no two sessions have an AccessKey or a token in common', async () => {
  await using sts = await withRole();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => assume(sts, user(sts), { RoleArn: sts.arn, ...SESSION })),
  );
  for (const part of ['AccessKeyId', 'AccessKeySecret', 'SecurityToken'] as const) {
    assert.equal(new Set(answers.map(({ Credentials }) => Credentials?.[part])).size, 20, part);
  }
});
