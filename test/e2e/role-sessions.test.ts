// Role assumption across two accounts with the vendor's own clients, against the whole server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import credentialsSdk, { Config as CredentialsConfig } from '@alicloud/credentials';
import ecsSdk from '@alicloud/ecs20140526';
import kmsSdk from '@alicloud/kms20160120';
import ramSdk from '@alicloud/ram20150501';
import stsSdk from '@alicloud/sts20150401';

import { ecsClient, kmsClient, popClient, ramClient, sealdisk, stsClient } from '../support/sdk-clients.ts';
import type { SdkTarget, SignatureStyle } from '../support/sdk-clients.ts';
import { runProgram, SEALDISK, TestServer } from '../support/start-server.ts';
import type { Credentials } from '../support/start-server.ts';
import { openTlsFront } from '../support/tls-front.ts';

const REGION = 'cn-hangzhou';
const EXTERNAL_ID = 'contract-4711';

/** The account that owns a key lets a user of another account use it, through a role. */
interface Scene {
  readonly server: TestServer;
  /** The account that owns key and role. */
  readonly owner: SdkTarget;
  /** A user of the other account. */
  readonly alice: SdkTarget;
  readonly ownerAccountId: string;
  readonly roleArn: string;
  readonly keyId: string;
  readonly ciphertext: string;
}

let scene: Scene;
before(async () => {
  scene = await prepare(await TestServer.start({ args: ['--test-clock'] }));
});
after(async () => {
  await scene.server[Symbol.asyncDispose]();
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

async function prepare(server: TestServer): Promise<Scene> {
  const other = await server.json<Credentials>('account', 'create');
  const aliceAccount = server.endpoint;
  const owner: SdkTarget = { ...server.endpoint, ...other };

  const theirs = ramClient(aliceAccount);
  await theirs.createUser(new ramSdk.CreateUserRequest({ userName: 'alice' }));
  const policyName = 'AliyunSTSAssumeRoleAccess';
  const attach = { policyType: 'System', policyName, userName: 'alice' };
  await theirs.attachPolicyToUser(new ramSdk.AttachPolicyToUserRequest(attach));
  const made = await theirs.createAccessKey(new ramSdk.CreateAccessKeyRequest({ userName: 'alice' }));
  const { accessKeyId = '', accessKeySecret = '' } = made.body?.accessKey ?? {};

  await popClient(owner, '2016-01-20').request('OpenKmsService', { RegionId: REGION }, { method: 'POST' });
  const key = await kmsClient(owner).createKey(new kmsSdk.CreateKeyRequest({}));
  const keyId = key.keyMetadata?.keyId ?? '';
  const sealed = await kmsClient(owner).encrypt(new kmsSdk.EncryptRequest({ keyId, plaintext: base64('sealed') }));
  const ours = ramClient(owner);
  const trust = {
    Version: '1',
    Statement: [
      {
        Effect: 'Allow',
        Action: 'sts:AssumeRole',
        Principal: { RAM: [`acs:ram::${server.credentials.accountId}:user/alice`] },
        Condition: { StringEquals: { 'sts:ExternalId': EXTERNAL_ID } },
      },
    ],
  };
  const role = await ours.createRole(
    new ramSdk.CreateRoleRequest({ roleName: 'Auditor', assumeRolePolicyDocument: JSON.stringify(trust) }),
  );
  for (const name of ['AliyunKMSFullAccess', 'AliyunECSReadOnlyAccess']) {
    const attachment = { policyType: 'System', policyName: name, roleName: 'Auditor' };
    await ours.attachPolicyToRole(new ramSdk.AttachPolicyToRoleRequest(attachment));
  }
  return {
    server,
    owner,
    alice: { ...server.endpoint, accessKeyId, accessKeySecret },
    ownerAccountId: other.accountId,
    roleArn: role.body?.role?.arn ?? '',
    keyId,
    ciphertext: sealed.ciphertextBlob ?? '',
  };
}

async function assume(style: SignatureStyle, more: object = {}): Promise<SdkTarget> {
  const { alice, roleArn } = scene;
  const request = { roleArn, roleSessionName: 'alice', externalId: EXTERNAL_ID, ...more };
  const { body } = await stsClient(alice, style).assumeRole(new stsSdk.AssumeRoleRequest(request));
  const { accessKeyId = '', accessKeySecret = '', securityToken = '', expiration = '' } = body?.credentials ?? {};
  assert.match(accessKeyId, /^STS\./);
  assert.match(expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(body?.assumedRoleUser?.arn, `acs:ram::${scene.ownerAccountId}:role/auditor/alice`);
  return { ...alice, accessKeyId, accessKeySecret, securityToken };
}

const opened = async (target: SdkTarget): Promise<string> => {
  const request = new kmsSdk.DecryptRequest({ ciphertextBlob: scene.ciphertext });
  const answer = await kmsClient(target).decrypt(request);
  return Buffer.from(answer.plaintext ?? '', 'base64').toString();
};

const coded = (pattern: RegExp) => (error: { code?: string; message: string }) => {
  assert.match(error.code ?? error.message, pattern);
  return true;
};

for (const style of ['V3', 'V1'] satisfies SignatureStyle[]) {
  test(`${style}: a user of another account assumes the role, decrypts with its key and reads its disks`, async () => {
    const session = await assume(style);
    const identity = await stsClient(session, style).getCallerIdentity();
    assert.equal(identity.body?.identityType, 'AssumedRoleUser');
    assert.equal(identity.body?.accountId, scene.ownerAccountId);
    assert.equal(await opened(session), 'sealed');
    const disks = await ecsClient(session, style).describeDisks(new ecsSdk.DescribeDisksRequest({ regionId: REGION }));
    assert.deepEqual(disks.body?.disks?.disk, []);
    const create = new ecsSdk.CreateDiskRequest({ regionId: REGION, zoneId: `${REGION}-b`, size: 20 });
    await assert.rejects(ecsClient(session, style).createDisk(create), coded(/^Forbidden\.RAM/));
  });
}

test('without the role the user opens nothing of the other account', async () => {
  await assert.rejects(opened(scene.alice), coded(/NotFound|NoPermission|InvalidParameter/));
  const wrong = { roleArn: scene.roleArn, roleSessionName: 'alice', externalId: 'wrong' };
  const attempt = stsClient(scene.alice).assumeRole(new stsSdk.AssumeRoleRequest(wrong));
  await assert.rejects(attempt, coded(/^NoPermission/));
});

test('the account itself is told that it cannot assume roles', async () => {
  const { roleArn, server, owner } = scene;
  const request = new stsSdk.AssumeRoleRequest({ roleArn, roleSessionName: 'root', externalId: EXTERNAL_ID });
  for (const account of [server.endpoint, owner]) {
    await assert.rejects(stsClient(account).assumeRole(request), coded(/^NoPermission/));
  }
});

test('a session policy takes away what it does not allow', async () => {
  const statement = { Effect: 'Allow', Action: ['kms:Decrypt', 'ecs:*'], Resource: '*' };
  const session = await assume('V3', { policy: JSON.stringify({ Version: '1', Statement: [statement] }) });
  assert.equal(await opened(session), 'sealed');
  const encrypt = new kmsSdk.EncryptRequest({ keyId: scene.keyId, plaintext: base64('x') });
  await assert.rejects(kmsClient(session).encrypt(encrypt), coded(/^Forbidden\.NoPermission/));
  const create = new ecsSdk.CreateDiskRequest({ regionId: REGION, zoneId: `${REGION}-b`, size: 20 });
  // The session policy allows it and the role does not.
  await assert.rejects(ecsClient(session).createDisk(create), coded(/^Forbidden\.RAM/));
});

test('a token that is missing, foreign or broken is refused by its documented code', async () => {
  const [one, two] = [await assume('V3'), await assume('V3')];
  const { securityToken = '', ...bare } = one;
  const cases: readonly [SdkTarget, RegExp][] = [
    [bare, /^MissingSecurityToken/],
    [{ ...one, securityToken: 'CAISbroken' }, /^InvalidSecurityToken\.Malformed/],
    [{ ...one, securityToken: two.securityToken ?? '' }, /^InvalidSecurityToken\.MismatchWithAccessKey/],
    [{ ...one, accessKeySecret: two.accessKeySecret }, /^SignatureDoesNotMatch/],
    [{ ...scene.alice, securityToken }, /^InvalidSecurityToken\.MismatchWithAccessKey/],
  ];
  for (const [target, code] of cases) {
    await assert.rejects(stsClient(target, 'V3').getCallerIdentity(), coded(code));
    await assert.rejects(stsClient(target, 'V1').getCallerIdentity(), coded(code));
  }
});

test('@alicloud/credentials assumes the role by itself, through a TLS proxy, and the SDKs take its credentials', async () => {
  await using front = await openTlsFront(scene.server.apiPort);
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, front.authority]);
  try {
    const { accessKeyId, accessKeySecret } = scene.alice;
    const config = new CredentialsConfig({
      type: 'ram_role_arn',
      accessKeyId,
      accessKeySecret,
      roleArn: scene.roleArn,
      roleSessionName: 'by-itself',
      externalId: EXTERNAL_ID,
      stsEndpoint: `localhost:${front.port}`,
    });
    const got = await new credentialsSdk.default(config).getCredential();
    const session: SdkTarget = {
      ...scene.alice,
      accessKeyId: got.accessKeyId ?? '',
      accessKeySecret: got.accessKeySecret ?? '',
      securityToken: got.securityToken ?? '',
    };
    const identity = await stsClient(session).getCallerIdentity();
    assert.equal(identity.body?.arn, `acs:ram::${scene.ownerAccountId}:role/auditor/by-itself`);
    assert.equal(await opened(session), 'sealed');
  } finally {
    setDefaultCACertificates(before);
  }
});

test('the command line takes the credentials of a session', async () => {
  const { accessKeyId, accessKeySecret, securityToken = '' } = await assume('V3');
  const run = (token: string) =>
    runProgram(process.execPath, [SEALDISK, 'disk', 'transfers', '--data-dir', scene.server.dataDirectory], {
      env: {
        ...process.env,
        SEALDISK_ACCESS_KEY_ID: accessKeyId,
        SEALDISK_ACCESS_KEY_SECRET: accessKeySecret,
        SEALDISK_SECURITY_TOKEN: token,
      },
    });
  // The role may not do it: the session is known, and refused for that alone.
  assert.match((await run(securityToken)).stderr, /may not do sealdisk:DescribeTransfers/);
  assert.match((await run('')).stderr, /security token/);
});

test('a session is over when its time is, and the role can be assumed again', async () => {
  const [short, long] = [await assume('V3', { durationSeconds: 900 }), await assume('V1')];
  const { code, stderr } = await scene.server.sealdisk('clock', 'advance', '15m');
  assert.equal(code, 0, stderr);
  await assert.rejects(opened(short), coded(/^InvalidSecurityToken\.Expired/));
  await assert.rejects(stsClient(short, 'V3').getCallerIdentity(), coded(/^InvalidSecurityToken\.Expired/));
  assert.equal(await opened(long), 'sealed');
  assert.equal(await opened(await assume('V3', { durationSeconds: 900 })), 'sealed');
});

test('a session outlives another root key and a restart of the server, and ends when the owner revokes it', async () => {
  const session = await assume('V3');
  const rotated = await scene.server.sealdisk('root-key', 'rotate');
  assert.equal(rotated.code, 0, rotated.stderr);
  assert.equal(await opened(session), 'sealed');
  const nobody = { ...scene.alice, accessKeyId: 'LTAInobody' };
  await assert.rejects(stsClient(nobody).getCallerIdentity(), coded(/^InvalidAccessKeyId\.NotFound/));
  await scene.server.kill('SIGTERM');
  await scene.server.start();
  assert.equal(await opened(session), 'sealed');
  await sealdisk(scene.owner, 'RevokeRoleSessions', { RoleName: 'Auditor' });
  await assert.rejects(opened(session), coded(/^InvalidSecurityToken\.Expired/));
  assert.equal(await opened(await assume('V3')), 'sealed');
});
