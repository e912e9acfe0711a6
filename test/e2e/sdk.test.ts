// The vendor's own SDKs, in both signature styles, against the whole server.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import Ecs, * as ecs from '@alicloud/ecs20140526';
import Kms, * as kms from '@alicloud/kms20160120';
import { Config } from '@alicloud/openapi-client';
import PopCore from '@alicloud/pop-core';
import Ram, * as ram from '@alicloud/ram20150501';
import Sts from '@alicloud/sts20150401';

import { REGION, ZONE } from '../support/api.ts';
import { TestServer } from '../support/start-server.ts';

interface Keys {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  readonly securityToken?: string;
}

function config(server: TestServer, keys: Keys = server.credentials, more: object = {}): never {
  const { accessKeyId, accessKeySecret, securityToken } = keys;
  return new Config({
    accessKeyId,
    accessKeySecret,
    ...(securityToken === undefined ? {} : { securityToken }),
    endpoint: `127.0.0.1:${server.apiPort}`,
    protocol: 'http',
    regionId: REGION,
    ...more,
  }) as never;
}

function popCore(server: TestServer, apiVersion: string, keys: Keys = server.credentials): PopCore {
  return new PopCore({
    accessKeyId: keys.accessKeyId,
    accessKeySecret: keys.accessKeySecret,
    endpoint: `http://127.0.0.1:${server.apiPort}`,
    apiVersion,
  });
}

const HARD_NAME = "v~'!()é *+&=%/中文";

for (const [style, more] of [
  ['V3', {}],
  ['V1', { signatureAlgorithm: 'v2' }],
] as const) {
  test(`the ECS SDK signing ${style} creates, finds, snapshots and deletes an encrypted disk`, async () => {
    await using server = await TestServer.start();
    await popCore(server, '2016-01-20').request('OpenKmsService', { RegionId: REGION }, { method: 'POST' });
    const client = new Ecs.default(config(server, server.credentials, more));
    const tags = [new ecs.CreateDiskRequestTag({ key: 'name', value: HARD_NAME })];
    const created = await client.createDisk(
      new ecs.CreateDiskRequest({
        regionId: REGION,
        zoneId: ZONE,
        diskCategory: 'cloud_essd',
        performanceLevel: 'PL0',
        size: 1,
        diskName: 'from-the-sdk',
        description: HARD_NAME,
        encrypted: true,
        tag: tags,
        clientToken: 'token-1',
      }),
    );
    const diskId = created.body?.diskId ?? '';
    assert.match(diskId, /^d-bp1[a-z0-9]+$/);
    const described = await client.describeDisks(
      new ecs.DescribeDisksRequest({ regionId: REGION, diskIds: JSON.stringify([diskId]), tag: tags }),
    );
    const [disk] = described.body?.disks?.disk ?? [];
    assert.equal(disk?.diskId, diskId);
    assert.equal(disk?.status, 'Available');
    assert.equal(disk?.encrypted, true);
    assert.equal(disk?.description, HARD_NAME);
    assert.equal(disk?.tags?.tag?.[0]?.tagValue, HARD_NAME);
    const zones = await client.describeZones(new ecs.DescribeZonesRequest({ regionId: REGION }));
    assert.ok((zones.body?.zones?.zone?.length ?? 0) >= 2);
    await client.deleteDisk(new ecs.DeleteDiskRequest({ diskId }));
    const gone = await client.describeDisks(
      new ecs.DescribeDisksRequest({ regionId: REGION, diskIds: JSON.stringify([diskId]) }),
    );
    assert.deepEqual(gone.body?.disks?.disk, []);
  });
}

test('the KMS, RAM and STS SDKs work on the same port', async () => {
  await using server = await TestServer.start();
  const { accessKeyId, accessKeySecret, accountId } = server.credentials;
  await popCore(server, '2016-01-20').request('OpenKmsService', { RegionId: REGION }, { method: 'GET' });
  const keys = new Kms.default({
    accessKeyId,
    accessKeySecret,
    endpoint: `127.0.0.1:${server.apiPort}`,
    protocol: 'http',
    regionId: REGION,
    type: 'access_key',
  } as never);
  const key = await keys.createKey(new kms.CreateKeyRequest({ keySpec: 'Aliyun_SM4' } as never));
  const keyId = (key as { keyMetadata: { keyId: string } }).keyMetadata.keyId;
  const sealed = await keys.encrypt(
    new kms.EncryptRequest({ keyId, plaintext: Buffer.from('sealed').toString('base64') } as never),
  );
  const opened = await keys.decrypt(
    new kms.DecryptRequest({ ciphertextBlob: (sealed as { ciphertextBlob: string }).ciphertextBlob } as never),
  );
  assert.equal(Buffer.from((opened as { plaintext: string }).plaintext, 'base64').toString(), 'sealed');

  const roles = new Ram.default(config(server));
  const trust = {
    Version: '1',
    Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: ['ecs.aliyuncs.com'] } }],
  };
  await roles.createRole(
    new ram.CreateRoleRequest({ roleName: 'FromTheSdk', assumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  const listed = await roles.listRoles(new ram.ListRolesRequest({}));
  assert.deepEqual(
    listed.body?.roles?.role?.map(({ roleName }) => roleName),
    ['FromTheSdk'],
  );

  const identity = await new Sts.default(config(server)).getCallerIdentity();
  assert.equal(identity.body?.accountId, accountId);
  assert.equal(identity.body?.identityType, 'Account');
});

for (const method of ['GET', 'POST'] as const) {
  test(`pop-core by ${method} repeats a call with one ClientToken without creating twice`, async () => {
    await using server = await TestServer.start();
    const client = popCore(server, '2014-05-26');
    const parameters = {
      RegionId: REGION,
      ZoneId: ZONE,
      Size: 20,
      DiskCategory: 'cloud_essd',
      ClientToken: 'once',
      DiskName: 'n1',
      Description: '',
    };
    const first = await client.request<{ DiskId: string }>('CreateDisk', parameters, { method });
    const second = await client.request<{ DiskId: string }>('CreateDisk', parameters, { method });
    assert.equal(second.DiskId, first.DiskId);
    await assert.rejects(client.request('CreateDisk', { ...parameters, Size: 30 }, { method }), {
      code: 'IdempotentParameterMismatch',
    });
    const { TotalCount } = await client.request<{ TotalCount: number }>(
      'DescribeDisks',
      { RegionId: REGION },
      { method },
    );
    assert.equal(TotalCount, 1);
  });
}

test('wrong secrets, unknown AccessKeys and STS tokens are refused with their documented codes and nothing is created', async () => {
  await using server = await TestServer.start();
  const { accessKeyId, accessKeySecret } = server.credentials;
  const create = (keys: Keys): Promise<unknown> =>
    new Ecs.default(config(server, keys)).createDisk(
      new ecs.CreateDiskRequest({ regionId: REGION, zoneId: ZONE, size: 20, diskCategory: 'cloud_essd' }),
    );
  await assert.rejects(create({ accessKeyId, accessKeySecret: 'not-the-secret' }), {
    code: 'SignatureDoesNotMatch',
    statusCode: 400,
  });
  await assert.rejects(create({ accessKeyId: 'LTAInobodyknowsthis', accessKeySecret }), {
    code: 'InvalidAccessKeyId.NotFound',
    statusCode: 404,
  });
  await assert.rejects(create({ accessKeyId: 'STS.NobodyKnowsThis', accessKeySecret, securityToken: 'a-token' }), {
    code: 'InvalidAccessKeyId.NotFound',
    statusCode: 404,
  });
  const { body } = await new Ecs.default(config(server)).describeDisks(
    new ecs.DescribeDisksRequest({ regionId: REGION }),
  );
  assert.equal(body?.totalCount, 0);
});

test('nothing but /healthz is answered without a signature', async () => {
  await using server = await TestServer.start();
  const address = `http://127.0.0.1:${server.apiPort}`;
  assert.equal((await fetch(`${address}/healthz`)).status, 200);
  for (const url of [
    '/',
    '/?Action=DescribeRegions&Version=2014-05-26',
    '/?Action=GetCallerIdentity&Version=2015-04-01',
    '/metrics',
    '/healthz/x',
  ]) {
    const response = await fetch(`${address}${url}`);
    assert.ok(response.status >= 400 && response.status < 500, `${url} answered ${response.status}`);
  }
});
