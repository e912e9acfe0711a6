import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { ApiError } from '../../src/api/errors.ts';
import type { TestDoor } from './front-door.ts';
import { ACCOUNT, action, ECHOES, openDoor } from './front-door.ts';
import type { Answer } from './requests.ts';
import { outcomeOf, send, v1Request, v3Request } from './requests.ts';

let door: TestDoor;
before(async () => {
  door = await openDoor();
});
after(async () => {
  await door[Symbol.asyncDispose]();
});

const call = async (parameters: Record<string, string>): Promise<Answer> =>
  send(door.target, await v1Request(door.target, parameters));

const outcome = async (parameters: Record<string, string>): Promise<string> => outcomeOf(await call(parameters));

test('unknown operations and versions are refused; what the vendor has and we do not is said so', async () => {
  assert.equal(await outcome({ Action: 'DescribeRegions', Version: '2099-01-01' }), '400 InvalidVersion');
  assert.equal(await outcome({ Action: 'DescribeRegions', Version: '2016-04-28' }), '400 InvalidVersion');
  const typo = await call({ Action: 'DescribeDisk' });
  assert.deepEqual([typo.status, typo.body['Code']], [404, 'InvalidAction.NotFound']);
  assert.match(String(typo.body['Message']), /Did you mean DescribeDisks/);
  const later = await call({ Action: 'RunInstances' });
  assert.deepEqual([later.status, later.body['Code']], [404, 'InvalidAction.NotFound']);
  assert.match(String(later.body['Message']), /RunInstances.*docs\/coverage\.md/);
  // Described, but this server was given no implementation.
  assert.equal(await outcome({ Action: 'DeleteDisk', DiskId: 'd-1' }), '404 InvalidAction.NotFound');
  assert.equal(await outcome({ Action: 'constructor' }), '404 InvalidAction.NotFound');
  // An operation belongs to its product.
  assert.equal(await outcome({ Action: 'CreateKey', Version: '2014-05-26' }), '404 InvalidAction.NotFound');
});

test('of several things that are wrong, the documented order decides which is told', async () => {
  const wrong = { Action: 'NoSuchThing', Timestamp: '2000-01-01T00:00:00Z', Encrytped: 'true' };
  const badSignature = await send(door.target, await v1Request(door.target, wrong, { secret: 'x' }));
  assert.equal(badSignature.body['Code'], 'SignatureDoesNotMatch');
  assert.equal(await outcome(wrong), '400 InvalidTimeStamp.Expired');
  assert.equal(await outcome({ Action: 'NoSuchThing', Encrytped: 'true' }), '404 InvalidAction.NotFound');

  door.denied.add('ecs:CreateDisk');
  assert.equal(await outcome({ Action: 'CreateDisk', Encrytped: 'true' }), '403 Forbidden.RAM');
  door.denied.clear();
  assert.equal(await outcome({ Action: 'CreateDisk', Encrytped: 'true' }), '400 UnsupportedParameter');
  assert.equal(await outcome({ Action: 'CreateDisk', Size: 'x' }), '400 MissingParameter');
  assert.equal(
    await outcome({ Action: 'CreateDisk', RegionId: 'cn-beijing', Size: '1e3' }),
    '400 InvalidDataDiskSize.ValueNotSupported',
  );
  assert.equal(await outcome({ Action: 'DescribeDisks' }), '400 MissingParamter.RegionId');
});

test('a denial has the code of its product and says who was denied what', async () => {
  const cases = [
    ['2014-05-26', 'CreateDisk', 'ecs', 'Forbidden.RAM'],
    ['2016-01-20', 'ListKeys', 'kms', 'Forbidden.NoPermission'],
    ['2015-05-01', 'CreateRole', 'ram', 'NoPermission'],
    ['2015-04-01', 'GetCallerIdentity', 'sts', 'NoPermission'],
    ['2026-11-23', 'ExportDisk', 'sealdisk', 'Forbidden.RAM'],
  ] as const;
  for (const [Version, Action, product, code] of cases) {
    door.denied.add(`${product}:${Action}`);
    const { status, body } = await call({ Version, Action });
    assert.deepEqual([status, body['Code']], [403, code]);
    assert.deepEqual(body['AccessDeniedDetail'], {
      AuthAction: `${product}:${Action}`,
      AuthPrincipalDisplayName: `acs:ram::${ACCOUNT}:root`,
      AuthPrincipalOwnerId: ACCOUNT,
      AuthPrincipalType: 'Account',
      NoPermissionType: 'ImplicitDeny',
      PolicyType: 'AccountLevelIdentityBasedPolicy',
    });
  }
  door.denied.clear();
});

test('an action that cannot name its resource without a missing parameter leads to that refusal', async () => {
  const needy = action<{ readonly DiskId: string }>('ecs', 'DeleteDisk', () => ({}));
  needy.access = ({ input }) => [{ action: 'ecs:DeleteDisk', resource: input.DiskId.toUpperCase() }];
  await using other = await openDoor({ registry: [needy] });
  const { body } = await send(other.target, await v1Request(other.target, { Action: 'DeleteDisk' }));
  assert.equal(body['Code'], 'MissingParameter');
});

test('one parameter twice in one part is refused; in query and form the form wins', async () => {
  const { path, ...raw } = await v1Request(door.target, { Action: 'DescribeRegions' });
  const twice = await send(door.target, { ...raw, path: `${path}&Action=DescribeRegions` });
  assert.deepEqual([twice.status, twice.body['Code']], [400, 'InvalidParameter']);
  const form = await v3Request(door.target, 'DescribeRegions', {}, { body: 'RegionId=a&RegionId=a' });
  assert.equal((await send(door.target, form)).body['Code'], 'InvalidParameter');
});

test('the region comes from the parameter, the host name, the account, in this order', async () => {
  const regionOf = async (host: string, parameters: Record<string, string> = {}): Promise<unknown> => {
    const raw = await v1Request(door.target, {
      Version: '2016-01-20',
      Action: 'Encrypt',
      KeyId: 'k',
      Plaintext: 'p',
      ...parameters,
    });
    const { body } = await send(door.target, { ...raw, headers: { host } });
    return (JSON.parse(String(body['CiphertextBlob'])) as { regionId: string }).regionId;
  };
  assert.equal(await regionOf('kms.cn-beijing.example.com', { RegionId: 'cn-hongkong' }), 'cn-hongkong');
  assert.equal(await regionOf('kms.ap-southeast-1.aliyuncs.com:8686'), 'ap-southeast-1');
  assert.equal(await regionOf('kms-vpc.cn-beijing-finance-1.example.com'), 'cn-beijing-finance-1');
  for (const host of ['127.0.0.1:8686', 'localhost', 'disk-1.my-cloud.example.com', 'kms.example.com']) {
    assert.equal(await regionOf(host), 'cn-shanghai', host);
  }
});

test('a region never reaches into the names of accounts and resources that policies see', async () => {
  for (const RegionId of [
    'cn-hangzhou:1111111111111111',
    `cn-hangzhou:${ACCOUNT}:key/mine`,
    '*',
    'a b',
    'x'.repeat(65),
  ])
    assert.equal(await outcome({ Action: 'CreateDisk', RegionId }), '404 InvalidRegionId.NotFound', RegionId);
});

test('JSON has exactly the type that every client reads, and the request id in header and body', async () => {
  const { headers, body } = await call({ Action: 'DescribeRegions' });
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['x-acs-request-id'], body['RequestId']);
  assert.match(String(body['RequestId']), /^[0-9A-F-]{36}$/);
  const kms = await call({ Version: '2016-01-20', Action: 'Decrypt' });
  assert.match(String(kms.body['RequestId']), /^[0-9a-f-]{36}$/);
  assert.equal(kms.headers['x-acs-request-id'], kms.body['RequestId']);
});

test('an error has the members that clients insist on', async () => {
  const { body } = await call({ Action: 'NoSuchThing' });
  assert.deepEqual(Object.keys(body), ['RequestId', 'HostId', 'Code', 'Message', 'Recommend']);
  for (const value of Object.values(body)) assert.equal(typeof value, 'string');
});

test('XML is answered when asked for, and by ECS when nothing is asked for', async () => {
  const asked = await call({ Action: 'DescribeRegions', Format: 'XML' });
  assert.equal(asked.headers['content-type'], 'text/xml;charset=utf-8');
  assert.match(
    asked.text,
    /<DescribeRegionsResponse><RequestId>[0-9A-F-]{36}<\/RequestId><Regions><Region><RegionId>cn-hangzhou<\/RegionId><\/Region><\/Regions><\/DescribeRegionsResponse>$/,
  );
  const refused = await call({ Action: 'CreateDisk', Format: 'xml' });
  assert.match(
    refused.text,
    /<Error><RequestId>[^<]+<\/RequestId><HostId>[^<]+<\/HostId><Code>MissingParameter<\/Code><Message>/,
  );
  const silent = async (Version: string, Action: string): Promise<string> =>
    (await send(door.target, await v1Request(door.target, { Version, Action }, { without: ['Format'] }))).text.slice(
      0,
      5,
    );
  assert.equal(await silent('2014-05-26', 'DescribeRegions'), '<?xml');
  assert.equal(await silent('2016-01-20', 'ListKeys'), '{"Req');
  assert.match(
    (await call({ Version: '2016-01-20', Action: 'ListKeys', Format: 'XML' })).text,
    /<KMS>.*<Keys><\/Keys>.*<\/KMS>$/,
  );
  const v3 = await send(door.target, await v3Request(door.target, 'DescribeRegions'));
  assert.equal(v3.headers['content-type'], 'application/json');
  assert.equal(await outcome({ Action: 'DescribeRegions', Format: 'YAML' }), '400 InvalidParameter');
});

test("an action's own refusal and its unexpected failure are told apart, and only the latter is logged as an error", async () => {
  let failure: Error = new ApiError('InvalidDiskId.NotFound', 404, 'There is no such disk.');
  const failing = action('ecs', 'DescribeRegions', () => {
    throw failure;
  });
  await using other = await openDoor({ registry: [failing] });
  const run = async (): Promise<Answer> =>
    send(other.target, await v1Request(other.target, { Action: 'DescribeRegions' }));
  const refused = await run();
  assert.deepEqual([refused.status, refused.body['Code']], [404, 'InvalidDiskId.NotFound']);
  failure = new Error('secret detail');
  const failed = await run();
  assert.deepEqual([failed.status, failed.body['Code']], [500, 'InternalError']);
  assert.doesNotMatch(failed.text, /secret detail/);
  const errors = other.log.filter(({ level }) => level === 'error');
  assert.equal(errors.length, 1);
  assert.equal(errors[0]?.fields['requestId'], failed.body['RequestId']);
  assert.equal(errors[0]?.fields['err'], failure);
});

test('an answer of another shape than described is our failure, not a broken answer', async () => {
  await using other = await openDoor({ registry: [action('ecs', 'DescribeRegions', () => ({ Code: 'x' }))] });
  const answer = await send(other.target, await v1Request(other.target, { Action: 'DescribeRegions' }));
  assert.deepEqual([answer.status, answer.body['Code']], [500, 'InternalError']);
});

test('an empty value clears where it means that, and is no value elsewhere', async () => {
  const echo = async (Action: string, parameters: Record<string, string>): Promise<unknown> => {
    const { body } = await call({ Version: '2015-05-01', Action, RoleName: 'r', ...parameters });
    return (JSON.parse((body['Role'] as { Description: string }).Description) as { input: unknown }).input;
  };
  assert.deepEqual(await echo('UpdateRole', { NewDescription: '' }), { RoleName: 'r', NewDescription: '' });
  assert.deepEqual(await echo('CreateRole', { Description: '', AssumeRolePolicyDocument: '{}' }), {
    RoleName: 'r',
    AssumeRolePolicyDocument: '{}',
  });
});

test('a registry with an action twice, or with one that is not described, does not start', async () => {
  await assert.rejects(openDoor({ registry: [...ECHOES, ...ECHOES] }), /registered twice/);
  await assert.rejects(
    openDoor({ registry: [action('ecs', 'RunInstances', () => ({}))] }),
    /not in spec\/supported\.json/,
  );
});
