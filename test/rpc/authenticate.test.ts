import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import type { TestDoor } from './front-door.ts';
import { ACCOUNT, openDoor, SECRET } from './front-door.ts';
import type { Credential, TokenRefusal } from '../../src/rpc/ports.ts';
import { outcomeOf, send, v1Request, v3Request } from './requests.ts';
import type { RawRequest } from './requests.ts';

let door: TestDoor;
before(async () => {
  door = await openDoor();
});
after(async () => {
  await door[Symbol.asyncDispose]();
});

const outcome = async (raw: RawRequest | Promise<RawRequest>): Promise<string> =>
  outcomeOf(await send(door.target, await raw));

const REGIONS = { Action: 'DescribeRegions' };

test('nothing is anonymous but GET /healthz', async () => {
  const health = await send(door.target, { method: 'GET', path: '/healthz' });
  assert.deepEqual([health.status, health.body], [200, { status: 'ok' }]);
  assert.equal(await outcome({ method: 'POST', path: '/healthz' }), '404 InvalidAction.NotFound');
  assert.equal(await outcome({ method: 'GET', path: '/' }), '400 MissingParameter');
  const unsigned = '/?Action=DescribeRegions&Version=2014-05-26&Format=JSON';
  assert.equal(await outcome({ method: 'GET', path: unsigned }), '400 MissingParameter');
  assert.equal(
    await outcome({ method: 'POST', path: unsigned, headers: { 'x-acs-action': 'DescribeRegions' } }),
    '400 MissingParameter',
  );
});

test('requests as Python and Go sign them are accepted: empty SignatureType, query and form of one POST', async () => {
  assert.equal(await outcome(v1Request(door.target, REGIONS)), '200 accepted');
  const form = { DiskName: 'a b', Size: '20', Description: '' };
  const mixed = v1Request(door.target, { Action: 'CreateDisk', RegionId: 'cn-beijing' }, { method: 'POST', form });
  assert.equal(await outcome(mixed), '200 accepted');
});

test('the form wins over the query, and is signed once', async () => {
  const raw = await v1Request(
    door.target,
    { Action: 'CreateDisk', RegionId: 'cn-beijing', DiskName: 'query' },
    { method: 'POST', form: { DiskName: 'form' } },
  );
  const { body } = await send(door.target, raw);
  assert.match(String(body['DiskId']), /"DiskName":"form"/);
  const v3 = await v3Request(
    door.target,
    'CreateDisk',
    { RegionId: 'cn-beijing', DiskName: 'query' },
    { form: { DiskName: 'form' } },
  );
  assert.match(String((await send(door.target, v3)).body['DiskId']), /"DiskName":"form"/);
});

test('V1: any change after signing is refused', async () => {
  const changed = (tampered: Record<string, string>): Promise<string> =>
    outcome(v1Request(door.target, REGIONS, { tampered }));
  assert.equal(await changed({ Action: 'CreateDisk' }), '400 SignatureDoesNotMatch');
  assert.equal(await changed({ Extra: '' }), '400 SignatureDoesNotMatch');
  assert.equal(await changed({ SignatureNonce: 'other' }), '400 SignatureDoesNotMatch');
  assert.equal(await changed({ Signature: 'AAAA' }), '400 SignatureDoesNotMatch');
  assert.equal(await changed({ AccessKeyId: 'nobody' }), '404 InvalidAccessKeyId.NotFound');
  assert.equal(await outcome(v1Request(door.target, REGIONS, { secret: 'x' })), '400 SignatureDoesNotMatch');
  const { path, ...get } = await v1Request(door.target, REGIONS);
  assert.equal(await outcome({ ...get, path, method: 'POST' }), '400 SignatureDoesNotMatch');
});

test('V1: every part of a signature is mandatory', async () => {
  for (const name of [
    'AccessKeyId',
    'Signature',
    'Timestamp',
    'SignatureNonce',
    'SignatureMethod',
    'SignatureVersion',
    'Version',
  ]) {
    const { status, body } = await send(door.target, await v1Request(door.target, REGIONS, { without: [name] }));
    assert.equal(`${status} ${String(body['Code'])}`, '400 MissingParameter', name);
    assert.match(String(body['Message']), new RegExp(`"${name}"`));
  }
  assert.equal(await outcome(v1Request(door.target, {})), '400 MissingParameter');
});

test('V1: other algorithms than HMAC-SHA1 are refused', async () => {
  for (const other of [
    { SignatureMethod: 'HMAC-SHA256' },
    { SignatureVersion: '2.0' },
    { SignatureType: 'BEARERTOKEN' },
  ]) {
    assert.equal(await outcome(v1Request(door.target, { ...REGIONS, ...other })), '400 InvalidParameter');
  }
});

test('a wrong signature is answered with the string that the server signs', async () => {
  for (const raw of [
    await v1Request(door.target, REGIONS, { secret: 'wrong' }),
    await v3Request(door.target, 'DescribeRegions', {}, { secret: 'wrong' }),
  ]) {
    const { body } = await send(door.target, raw);
    assert.match(String(body['Message']), /server string to sign is:(GET&%2F&|ACS3-HMAC-SHA256\n[0-9a-f]{64}$)/);
  }
});

test('V3: any change after signing is refused', async () => {
  assert.equal(await outcome(v3Request(door.target, 'DescribeRegions')), '200 accepted');
  const changed = (tampered: Record<string, string>): Promise<string> =>
    outcome(v3Request(door.target, 'DescribeRegions', {}, { tampered }));
  assert.equal(await changed({ 'x-acs-action': 'CreateDisk' }), '400 SignatureDoesNotMatch');
  assert.equal(await changed({ 'x-acs-version': '2016-01-20' }), '400 SignatureDoesNotMatch');
  assert.equal(await changed({ 'x-acs-signature-nonce': 'other' }), '400 SignatureDoesNotMatch');
  assert.equal(await changed({ 'x-acs-content-sha256': '0'.repeat(64) }), '400 SignatureDoesNotMatch');
  assert.equal(await changed({ host: 'ecs.cn-beijing.example.com' }), '400 SignatureDoesNotMatch');
  const { path, ...raw } = await v3Request(door.target, 'DescribeRegions', { RegionId: 'cn-beijing' });
  assert.equal(await outcome({ ...raw, path: path.replace('beijing', 'shanghai') }), '400 SignatureDoesNotMatch');
  assert.equal(await outcome({ ...raw, path, method: 'GET' }), '400 SignatureDoesNotMatch');
  const form = await v3Request(door.target, 'DescribeRegions', {}, { form: { RegionId: 'cn-beijing' } });
  assert.equal(await outcome({ ...form, body: 'RegionId=cn-shanghai' }), '400 SignatureDoesNotMatch');
});

test('V3: headers that decide something must be signed', async () => {
  for (const name of ['host', 'x-acs-action', 'x-acs-version', 'x-acs-date', 'x-acs-signature-nonce']) {
    const raw = v3Request(door.target, 'DescribeRegions', {}, { unsigned: [name] });
    assert.equal(await outcome(raw), '400 IncompleteSignature', name);
  }
  const token = { extra: { 'x-acs-security-token': 't' }, unsigned: ['x-acs-security-token'] };
  assert.equal(await outcome(v3Request(door.target, 'DescribeRegions', {}, token)), '400 IncompleteSignature');
});

test('V3: headers that the server does not know are signed along', async () => {
  const extra = { 'x-acs-credentials-provider': 'static_ak', 'x-acs-retry-attempts': ' 1 ' };
  assert.equal(await outcome(v3Request(door.target, 'DescribeRegions', {}, { extra })), '200 accepted');
});

test('V3: an Authorization header of another form or scheme is refused', async () => {
  for (const [authorization, code] of [
    ['ACS3-HMAC-SHA256', 'IncompleteSignature'],
    ['ACS3-HMAC-SHA256 Credential=a', 'IncompleteSignature'],
    ['ACS3-HMAC-SM3 Credential=a,SignedHeaders=b,Signature=c', 'InvalidParameter'],
    ['ACS3-RSA-SHA256 x', 'InvalidParameter'],
    ['ACS4-HMAC-SHA256 Credential=a,SignedHeaders=b,Signature=c', 'InvalidParameter'],
  ] as const) {
    const raw = v3Request(door.target, 'DescribeRegions', {}, { tampered: { authorization } });
    assert.equal(await outcome(raw), `400 ${code}`, authorization);
  }
});

test('inactive AccessKeys are refused, and so is a token that belongs to none', async () => {
  const as = (accessKeyId: string): typeof door.target => ({ ...door.target, accessKeyId });
  assert.equal(await outcome(v1Request(as('inactive'), REGIONS)), '400 InvalidAccessKeyId.Inactive');
  assert.equal(
    await outcome(v1Request({ ...as('inactive'), accessKeySecret: 'x' }, REGIONS)),
    '400 SignatureDoesNotMatch',
  );
  assert.equal(
    await outcome(v1Request(door.target, { ...REGIONS, SecurityToken: 't' })),
    '400 InvalidSecurityToken.MismatchWithAccessKey',
  );
});

test('what is wrong with a temporary AccessKey is told by the documented code, in both styles', async () => {
  const session = {
    roleName: 'Ops',
    roleId: '3',
    sessionName: 'alice',
    assumedBy: 'acs:ram::1:user/alice',
    issuedMs: 0,
    expiresMs: 0,
    sourceIdentity: '',
  };
  const caller = {
    accountId: ACCOUNT,
    arn: 'a',
    principalType: 'AssumedRoleUser',
    accessKeyId: 'STS.x',
    session,
  } as const;
  const found = (ended?: 'expired' | 'revoked') => ({ secret: SECRET, caller, active: true, ended });
  const answers: Readonly<Record<string, Credential | TokenRefusal>> = {
    good: found(),
    late: found('expired'),
    revoked: found('revoked'),
    noise: { token: 'malformed' },
    stolen: { token: 'mismatch' },
  };
  const find = async (id: string, token: string | undefined): Promise<Credential | TokenRefusal | undefined> =>
    id === 'STS.x' ? (answers[token ?? ''] ?? { token: 'missing' }) : undefined;
  await using other = await openDoor({ credentials: { find } });
  const target = { ...other.target, accessKeyId: 'STS.x' };
  const expected: readonly (readonly [string, string])[] = [
    ['good', '200 accepted'],
    ['late', '400 InvalidSecurityToken.Expired'],
    ['revoked', '400 InvalidSecurityToken.Expired'],
    ['noise', '400 InvalidSecurityToken.Malformed'],
    ['stolen', '400 InvalidSecurityToken.MismatchWithAccessKey'],
    ['', '400 MissingSecurityToken'],
  ];
  for (const [token, wanted] of expected) {
    const v1 = await v1Request(target, { ...REGIONS, ...(token === '' ? {} : { SecurityToken: token }) });
    assert.equal(outcomeOf(await send(target, v1)), wanted, `V1 ${token}`);
    const extra = token === '' ? {} : { 'x-acs-accesskey-id': 'STS.x', 'x-acs-security-token': token };
    assert.equal(
      outcomeOf(await send(target, await v3Request(target, 'DescribeRegions', {}, { extra }))),
      wanted,
      token,
    );
  }
  // That a session is over is told to nobody who cannot sign.
  const forged = await v1Request(target, { ...REGIONS, SecurityToken: 'late' }, { secret: 'x' });
  assert.equal(outcomeOf(await send(target, forged)), '400 SignatureDoesNotMatch');
  const unknown = await v1Request({ ...target, accessKeyId: 'STS.y' }, { ...REGIONS, SecurityToken: 'good' });
  assert.equal(outcomeOf(await send(target, unknown)), '404 InvalidAccessKeyId.NotFound');
});

test('roles cannot be assumed with the word of an identity provider, and that is said without a signature', async () => {
  for (const Action of ['AssumeRoleWithSAML', 'AssumeRoleWithOIDC']) {
    const path = `/?Action=${Action}&Version=2015-04-01&Format=JSON&RoleArn=a`;
    const { status, body } = await send(door.target, { method: 'POST', path });
    assert.deepEqual([status, body['Code']], [404, 'InvalidAction.NotFound']);
    assert.match(String(body['Message']), /identity provider/);
  }
});

test('a body that is no form is refused, and one without a type is read as a form', async () => {
  const json = await v3Request(door.target, 'DescribeRegions', {}, { body: '{}' });
  assert.equal(
    await outcome({ ...json, headers: { ...json.headers, 'content-type': 'application/json' } }),
    '400 InvalidParameter',
  );
});

test('secrets that came as bytes are overwritten when the signature was checked, right or wrong', async () => {
  const handedOut: Uint8Array[] = [];
  const find = async (accessKeyId: string) => {
    const secret = new TextEncoder().encode(SECRET);
    handedOut.push(secret);
    const caller = { accountId: ACCOUNT, arn: 'a', principalType: 'Account', accessKeyId } as const;
    return { secret, caller, active: true };
  };
  await using other = await openDoor({ credentials: { find } });
  assert.equal(outcomeOf(await send(other.target, await v1Request(other.target, REGIONS))), '200 accepted');
  const wrong = await v3Request(other.target, 'DescribeRegions', {}, { secret: 'x' });
  assert.equal(outcomeOf(await send(other.target, wrong)), '400 SignatureDoesNotMatch');
  assert.equal(handedOut.length, 2);
  for (const secret of handedOut) assert.ok(secret.every((byte) => byte === 0));
});
