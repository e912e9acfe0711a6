// Users, groups, policies and AccessKeys through the vendor's own SDKs, and what their owners may do then.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import Ecs, * as ecs from '@alicloud/ecs20140526';
import { Config } from '@alicloud/openapi-client';
import Ram, * as ram from '@alicloud/ram20150501';
import Sts from '@alicloud/sts20150401';

import { SHARING_POLICY, SHARING_POLICY_AS_PRINTED } from '../ram/policy/sharing-policy.ts';
import { Api, REGION, ZONE } from '../support/api.ts';
import { TestServer } from '../support/start-server.ts';

interface Keys {
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
}

function config(server: TestServer, { accessKeyId, accessKeySecret }: Keys = server.credentials): never {
  const endpoint = `127.0.0.1:${server.apiPort}`;
  return new Config({ accessKeyId, accessKeySecret, endpoint, protocol: 'http', regionId: REGION }) as never;
}

const documentOf = (...statements: readonly object[]): string =>
  JSON.stringify({ Version: '1', Statement: statements });

test('a user of a group may do what the policies of both allow, from call to call, until the AccessKey is off', async () => {
  await using server = await TestServer.start();
  const owner = new Ram.default(config(server));
  const { accountId } = server.credentials;

  const made = await owner.createUser(new ram.CreateUserRequest({ userName: 'alice', displayName: 'Alice' }));
  const userId = made.body?.user?.userId ?? '';
  await owner.createGroup(new ram.CreateGroupRequest({ groupName: 'disks' }));
  await owner.addUserToGroup(new ram.AddUserToGroupRequest({ userName: 'alice', groupName: 'disks' }));
  const created = await owner.createAccessKey(new ram.CreateAccessKeyRequest({ userName: 'alice' }));
  const { accessKeyId = '', accessKeySecret = '' } = created.body?.accessKey ?? {};
  const keys = { accessKeyId, accessKeySecret };
  const alice = new Ecs.default(config(server, keys));

  const identity = await new Sts.default(config(server, keys)).getCallerIdentity();
  assert.equal(identity.body?.arn, `acs:ram::${accountId}:user/alice`);
  assert.equal(identity.body?.identityType, 'RAMUser');

  const describe = () => alice.describeDisks(new ecs.DescribeDisksRequest({ regionId: REGION }));
  const create = (env: string) =>
    alice.createDisk(
      new ecs.CreateDiskRequest({
        regionId: REGION,
        zoneId: ZONE,
        size: 20,
        diskCategory: 'cloud_essd',
        tag: [new ecs.CreateDiskRequestTag({ key: 'env', value: env })],
      }),
    );
  const remove = (diskId: string) => alice.deleteDisk(new ecs.DeleteDiskRequest({ diskId }));
  const forbidden = { code: 'Forbidden.RAM', statusCode: 403 };
  await assert.rejects(describe(), forbidden);

  // The group may look and make disks of the development; the user may delete what is tagged so, and nothing else.
  await owner.createPolicy(
    new ram.CreatePolicyRequest({
      policyName: 'make-disks',
      policyDocument: documentOf(
        { Effect: 'Allow', Action: 'ecs:Describe*', Resource: '*' },
        {
          Effect: 'Allow',
          Action: 'ecs:CreateDisk',
          Resource: `acs:ecs:*:${accountId}:disk/*`,
          Condition: { StringEquals: { 'acs:RequestTag/env': 'dev' } },
        },
      ),
    }),
  );
  await owner.attachPolicyToGroup(
    new ram.AttachPolicyToGroupRequest({ groupName: 'disks', policyType: 'Custom', policyName: 'make-disks' }),
  );
  await owner.createPolicy(
    new ram.CreatePolicyRequest({
      policyName: 'delete-dev',
      policyDocument: documentOf({
        Effect: 'Allow',
        Action: 'ecs:DeleteDisk',
        Resource: '*',
        Condition: { StringEquals: { 'ecs:tag/env': 'dev' } },
      }),
    }),
  );
  await owner.attachPolicyToUser(
    new ram.AttachPolicyToUserRequest({ userName: 'alice', policyType: 'Custom', policyName: 'delete-dev' }),
  );
  await assert.rejects(create('prod'), forbidden);
  const diskId = (await create('dev')).body?.diskId ?? '';
  assert.equal((await describe()).body?.totalCount, 1);
  const production = new Ecs.default(config(server));
  const prod = await production.createDisk(
    new ecs.CreateDiskRequest({
      regionId: REGION,
      zoneId: ZONE,
      size: 20,
      diskCategory: 'cloud_essd',
      tag: [new ecs.CreateDiskRequestTag({ key: 'env', value: 'prod' })],
    }),
  );
  await assert.rejects(remove(prod.body?.diskId ?? ''), forbidden);
  await remove(diskId);

  // A new version that denies counts from the next call, and the error names it to whoever may decode it.
  await owner.createPolicyVersion(
    new ram.CreatePolicyVersionRequest({
      policyName: 'make-disks',
      policyDocument: documentOf({ Effect: 'Deny', Action: 'ecs:*', Resource: '*' }),
      setAsDefault: true,
    }),
  );
  const denial = await describe().then(
    () => assert.fail('the new version denies'),
    (error: unknown) => error as { readonly accessDeniedDetail?: Record<string, string> },
  );
  const detail = denial.accessDeniedDetail ?? {};
  assert.deepEqual(
    [detail['AuthAction'], detail['AuthPrincipalType'], detail['AuthPrincipalDisplayName'], detail['NoPermissionType']],
    ['ecs:DescribeDisks', 'SubUser', userId, 'ExplicitDeny'],
  );
  const decoded = await owner.decodeDiagnosticMessage(
    new ram.DecodeDiagnosticMessageRequest({ encodedDiagnosticMessage: detail['EncodedDiagnosticMessage'] ?? '' }),
  );
  const [matched] = decoded.body?.decodedDiagnosticMessage?.matchedPolicies ?? [];
  assert.deepEqual(
    [matched?.policyIdentifier, matched?.policyVersion, matched?.attachedEntityType],
    ['make-disks', 'v2', 'RamGroup'],
  );
  await owner.setDefaultPolicyVersion(
    new ram.SetDefaultPolicyVersionRequest({ policyName: 'make-disks', versionId: 'v1' }),
  );
  await describe();

  const used = await owner.getAccessKeyLastUsed(
    new ram.GetAccessKeyLastUsedRequest({ userName: 'alice', userAccessKeyId: accessKeyId }),
  );
  assert.match(used.body?.accessKeyLastUsed?.lastUsedDate ?? '', /^\d{4}-\d\d-\d\dT/);
  await owner.updateAccessKey(
    new ram.UpdateAccessKeyRequest({ userName: 'alice', userAccessKeyId: accessKeyId, status: 'Inactive' }),
  );
  await assert.rejects(describe(), { code: 'InvalidAccessKeyId.Inactive' });
});

test('terraform deletes what it made, in the order that the conflicts ask for', async () => {
  await using server = await TestServer.start();
  const owner = new Ram.default(config(server));
  const policy = { policyType: 'Custom', policyName: 'p' };
  const trust = documentOf({ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: ['ecs.aliyuncs.com'] } });
  await owner.createRole(
    new ram.CreateRoleRequest({
      roleName: 'r',
      assumeRolePolicyDocument: trust,
      tag: [new ram.CreateRoleRequestTag({ key: 'k', value: 'v' })],
    }),
  );
  const policyDocument = documentOf({ Effect: 'Allow', Action: '*', Resource: '*' });
  await owner.createPolicy(new ram.CreatePolicyRequest({ policyName: 'p', policyDocument }));
  await owner.createPolicyVersion(
    new ram.CreatePolicyVersionRequest({ policyName: 'p', policyDocument, setAsDefault: true }),
  );
  await owner.attachPolicyToRole(new ram.AttachPolicyToRoleRequest({ ...policy, roleName: 'r' }));
  await assert.rejects(owner.deleteRole(new ram.DeleteRoleRequest({ roleName: 'r' })), {
    code: 'DeleteConflict.Role.Policy',
    statusCode: 409,
  });
  const deletePolicy = () => owner.deletePolicy(new ram.DeletePolicyRequest({ policyName: 'p' }));
  await assert.rejects(deletePolicy(), { code: 'DeleteConflict.Policy.Role' });
  const entities = await owner.listEntitiesForPolicy(new ram.ListEntitiesForPolicyRequest(policy));
  assert.deepEqual(
    entities.body?.roles?.role?.map(({ roleName }) => roleName),
    ['r'],
  );
  await owner.detachPolicyFromRole(new ram.DetachPolicyFromRoleRequest({ ...policy, roleName: 'r' }));
  await assert.rejects(deletePolicy(), { code: 'DeleteConflict.Policy.Version' });
  const { body } = await owner.listPolicyVersions(new ram.ListPolicyVersionsRequest(policy));
  for (const version of body?.policyVersions?.policyVersion ?? []) {
    if (version.isDefaultVersion === true) continue;
    await owner.deletePolicyVersion(
      new ram.DeletePolicyVersionRequest({ policyName: 'p', versionId: version.versionId ?? '' }),
    );
  }
  await deletePolicy();
  await owner.deleteRole(new ram.DeleteRoleRequest({ roleName: 'r' }));
  await assert.rejects(owner.getRole(new ram.GetRoleRequest({ roleName: 'r' })), {
    code: 'EntityNotExist.Role',
    statusCode: 404,
  });
  await owner.createUser(new ram.CreateUserRequest({ userName: 'u' }));
  await owner.createLoginProfile(new ram.CreateLoginProfileRequest({ userName: 'u', password: 'correct horse' }));
  const profile = await owner.getLoginProfile(new ram.GetLoginProfileRequest({ userName: 'u' }));
  assert.equal(profile.body?.loginProfile?.MFABindRequired, false);
  await assert.rejects(owner.deleteUser(new ram.DeleteUserRequest({ userName: 'u' })), {
    code: 'DeleteConflict.User.LoginProfile',
  });
  await owner.deleteLoginProfile(new ram.DeleteLoginProfileRequest({ userName: 'u' }));
  await owner.deleteUser(new ram.DeleteUserRequest({ userName: 'u' }));
  const users = await owner.listUsers(new ram.ListUsersRequest({}));
  assert.deepEqual(users.body?.users?.user, []);
});

test('M23: the sample policy is refused as it is printed and taken with its comma, by SDK and by command line', async () => {
  await using server = await TestServer.start();
  const owner = new Ram.default(config(server));
  const make = (policyDocument: string) =>
    owner.createPolicy(new ram.CreatePolicyRequest({ policyName: 'share', policyDocument }));
  await assert.rejects(make(SHARING_POLICY_AS_PRINTED), (error: { code?: string; message?: string }) => {
    assert.equal(error.code, 'MalformedPolicyDocument');
    assert.match(error.message ?? '', /line 19, column 9/);
    return true;
  });
  await make(SHARING_POLICY);
});

test('sealdisk policy simulate says what would be decided and why', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  const { accountId } = server.credentials;
  await api.call('ram', 'CreateUser', { UserName: 'alice' });
  const attached = { UserName: 'alice', PolicyType: 'System', PolicyName: 'AliyunKMSReadOnlyAccess' };
  await api.call('ram', 'AttachPolicyToUser', attached);
  const principal = `acs:ram::${accountId}:user/alice`;
  const simulate = (action: string) =>
    server.sealdisk('policy', 'simulate', principal, action, `acs:kms:cn-hangzhou:${accountId}:key/k`);
  const allowed = await simulate('kms:DescribeKey');
  assert.deepEqual(
    [allowed.code, allowed.stdout],
    [0, 'Allow: System AliyunKMSReadOnlyAccess v1 of user/alice, statement 0 (line 1, column 29)\n'],
  );
  const refused = await simulate('kms:Decrypt');
  assert.deepEqual(
    [refused.code, refused.stdout],
    [1, 'ImplicitDeny: no statement applies (AccountLevelIdentityBasedPolicy)\n'],
  );
});
