// The vendor's own clients against the real front door: signing, parameters, and the strict casts of answers.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import ecsSdk from '@alicloud/ecs20140526';
import kmsSdk from '@alicloud/kms20160120';
import ramSdk from '@alicloud/ram20150501';

import type { SignatureStyle } from '../support/sdk-clients.ts';
import {
  callOpenApi,
  ecsClient,
  kmsClient,
  popClient,
  ramClient,
  sealdisk,
  stsClient,
} from '../support/sdk-clients.ts';
import type { TestDoor } from './front-door.ts';
import { ACCOUNT, openDoor } from './front-door.ts';

const HARD = "v~'!()é *+&=%/中文";

let door: TestDoor;
before(async () => {
  door = await openDoor();
});
after(async () => {
  await door[Symbol.asyncDispose]();
});

const inputOf = (text: string | undefined): unknown => (JSON.parse(text ?? '') as { input: unknown }).input;

for (const style of ['V3', 'V1'] satisfies SignatureStyle[]) {
  test(`ecs ${style}: hard characters, eleven tags, empty values and booleans arrive as they were given`, async () => {
    const tag = Array.from(
      { length: 11 },
      (_, i) => new ecsSdk.CreateDiskRequestTag({ key: `k${i}`, value: i === 3 ? '' : HARD }),
    );
    const request = new ecsSdk.CreateDiskRequest({
      regionId: 'cn-beijing',
      diskName: HARD,
      size: 20,
      encrypted: true,
      description: '',
      tag,
    });
    const { body } = await ecsClient(door.target, style).createDisk(request);
    assert.deepEqual(inputOf(body?.diskId), {
      RegionId: 'cn-beijing',
      DiskName: HARD,
      Size: 20,
      Encrypted: true,
      Tag: tag.map(({ key, value }) => ({ Key: key, Value: value })),
    });
    assert.match(body?.requestId ?? '', /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
  });

  test(`ecs ${style}: a list answer passes the SDK's casts`, async () => {
    const request = new ecsSdk.DescribeDisksRequest({ regionId: 'cn-beijing', diskIds: '["d-1"]' });
    const { body } = await ecsClient(door.target, style).describeDisks(request);
    const [disk] = body?.disks?.disk ?? [];
    assert.deepEqual([disk?.size, disk?.encrypted, disk?.tags?.tag], [20, true, []]);
    assert.equal(body?.totalCount, 1);
  });

  test(`ram ${style} and sts ${style}`, async () => {
    const policy = JSON.stringify({ Statement: [{ Effect: 'Allow', Resource: HARD }] });
    const request = new ramSdk.CreateRoleRequest({
      roleName: 'r',
      assumeRolePolicyDocument: policy,
      description: HARD,
    });
    const created = await ramClient(door.target, style).createRole(request);
    assert.deepEqual(inputOf(created.body?.role?.description), {
      RoleName: 'r',
      AssumeRolePolicyDocument: policy,
      Description: HARD,
    });
    const identity = await stsClient(door.target, style).getCallerIdentity();
    assert.equal(identity.body?.accountId, ACCOUNT);
  });

  test(`ecs ${style}: a refusal reaches the caller with code, status and request id`, async () => {
    const call = ecsClient(door.target, style).createDisk(new ecsSdk.CreateDiskRequest({ size: 20 }));
    await assert.rejects(call, (error: { code?: string; statusCode?: number; message: string }) => {
      assert.match(error.code ?? '', /^MissingParameter/);
      assert.match(error.message, /400.*RegionId/);
      return true;
    });
  });

  test(`ecs ${style}: a wrong secret is told from the right one`, async () => {
    const client = ecsClient({ ...door.target, accessKeySecret: 'wrong' }, style);
    await assert.rejects(client.describeRegions(new ecsSdk.DescribeRegionsRequest({})), {
      code: /^SignatureDoesNotMatch/,
    });
  });
}

test('kms: parameters that were not given are not there, though the SDK sends them empty', async () => {
  const { keyMetadata } = await kmsClient(door.target).createKey(new kmsSdk.CreateKeyRequest({ description: HARD }));
  assert.deepEqual(inputOf(keyMetadata?.description), { Description: HARD });
});

test('kms: an encryption context arrives as a map, and request ids are in lower case', async () => {
  const request = new kmsSdk.EncryptRequest({
    keyId: 'alias/a b',
    plaintext: 'aGVsbG8=',
    encryptionContext: { 'acs:ecs:disk-id': 'd-1', 中文: HARD },
  });
  const answer = await kmsClient(door.target).encrypt(request);
  assert.deepEqual(inputOf(answer.ciphertextBlob), {
    KeyId: 'alias/a b',
    Plaintext: 'aGVsbG8=',
    EncryptionContext: { 'acs:ecs:disk-id': 'd-1', 中文: HARD },
  });
  assert.match(answer.requestId ?? '', /^[0-9a-f-]{36}$/);
});

for (const method of ['GET', 'POST']) {
  test(`pop-core ${method}: any operation of any product`, async () => {
    const ecs = popClient(door.target, '2014-05-26');
    const parameters = { RegionId: 'cn-beijing', DiskName: HARD, Description: '', Tag: [{ Key: 'k', Value: HARD }] };
    const created = await ecs.request<{ DiskId: string }>('CreateDisk', parameters, { method });
    assert.deepEqual(inputOf(created.DiskId), {
      DiskName: HARD,
      RegionId: 'cn-beijing',
      Tag: [{ Key: 'k', Value: HARD }],
    });
    const keys = await popClient(door.target, '2016-01-20').request('ListKeys', {}, { method });
    assert.equal(JSON.stringify((keys as Record<string, unknown>)['Keys']), '{"Key":[]}');
    const refused = ecs.request('CreateDisk', { Encrytped: 'true', RegionId: 'cn-beijing' }, { method });
    await assert.rejects(refused, { code: 'UnsupportedParameter' });
  });
}

for (const where of ['query', 'form'] as const) {
  test(`openapi-client with the parameters in the ${where}`, async () => {
    const answer = await callOpenApi<{ DiskId: string }>(
      door.target,
      '2014-05-26',
      'CreateDisk',
      { RegionId: 'cn-beijing', DiskName: HARD, Size: 20, 'Tag.1.Key': 'k' },
      where,
    );
    assert.deepEqual(inputOf(answer.DiskId), { DiskName: HARD, RegionId: 'cn-beijing', Size: 20, Tag: [{ Key: 'k' }] });
  });
}

test('openapi-client does not encode parameter names in its canonical query, and is believed', async () => {
  const answer = await callOpenApi<{ CiphertextBlob: string }>(door.target, '2016-01-20', 'Encrypt', {
    KeyId: 'k',
    Plaintext: 'aGk=',
    'EncryptionContext.acs:ecs:disk-id': 'd-1',
  });
  assert.deepEqual(inputOf(answer.CiphertextBlob), {
    KeyId: 'k',
    Plaintext: 'aGk=',
    EncryptionContext: { 'acs:ecs:disk-id': 'd-1' },
  });
});

test("our own product's operations are called like the vendor's", async () => {
  const answer = await sealdisk<{ Uri: string }>(door.target, 'ExportDisk', { DiskId: 'd-1', ReadOnly: true });
  assert.deepEqual(inputOf(answer.Uri), { DiskId: 'd-1', ReadOnly: true });
});

test('temporary credentials are unknown here', async () => {
  const target = { ...door.target, accessKeyId: 'STS.NUx', securityToken: 'token' };
  const request = new ecsSdk.DescribeRegionsRequest({});
  for (const style of ['V3', 'V1'] satisfies SignatureStyle[]) {
    await assert.rejects(ecsClient(target, style).describeRegions(request), { code: /^InvalidAccessKeyId\.NotFound/ });
  }
  await assert.rejects(popClient(target, '2014-05-26').request('DescribeRegions', {}), {
    code: 'InvalidAccessKeyId.NotFound',
  });
});
