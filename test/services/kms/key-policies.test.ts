// Who may do what with a key, by its own policy and by those of RAM, through the real front door.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RpcRefusal } from '../../../src/api/rpc-client.ts';
import { keyArn } from '../../../src/kms/key-reference.ts';
import { insertPolicy } from '../../../src/metadata/policies.ts';
import { insertAttachment } from '../../../src/metadata/policy-attachments.ts';
import { accountArn, userArn } from '../../../src/ram/arn.ts';
import type { Signer } from '../../../src/ram/principals.ts';
import { OTHER_ACCOUNT, OTHER_REGION, SCOPE } from '../../kms/open-test-kms.ts';
import { base64 } from './call-kms.ts';
import { openKmsServer } from './kms-server.ts';
import type { KmsServer } from './kms-server.ts';

const user = (accountId: string, name: string): Signer => ({
  accountId,
  arn: userArn(accountId, name),
  principalType: 'RAMUser',
});
const ALICE = user(SCOPE.accountId, 'alice');
const BOB = user(SCOPE.accountId, 'bob');
const OTHER: Signer = {
  accountId: OTHER_ACCOUNT.accountId,
  arn: accountArn(OTHER_ACCOUNT.accountId),
  principalType: 'Account',
};
const CAROL = user(OTHER_ACCOUNT.accountId, 'carol');
const everybodyOf = (accountId: string): string => `acs:ram::${accountId}:*`;

const allow = (principal: string, ...actions: readonly string[]): object => ({
  Effect: 'Allow',
  Principal: { RAM: [principal] },
  Action: actions,
  Resource: ['*'],
});
const deny = (principal: string, ...actions: readonly string[]): object => ({
  ...allow(principal, ...actions),
  Effect: 'Deny',
});

const setPolicy = (server: KmsServer, KeyId: string, ...statements: readonly object[]): Promise<unknown> =>
  server.call('SetKeyPolicy', { KeyId, Policy: JSON.stringify({ Version: '1', Statement: statements }) });

/** Attaches a policy of RAM to a user. */
async function grant({ kms }: KmsServer, { accountId, arn }: Signer, statement: object): Promise<void> {
  const policyName = `p-${arn.split('/')[1]}`;
  const policy = { accountId, policyName, description: '', defaultVersion: 'v1', tags: [], createdMs: 1, updatedMs: 1 };
  await kms.database.transact(async (transaction) => {
    await insertPolicy(transaction, policy, JSON.stringify({ Version: '1', Statement: [statement] }));
    await insertAttachment(transaction, {
      accountId,
      principalType: 'user',
      principalName: arn.split('/')[1] ?? '',
      policyType: 'Custom',
      policyName,
      attachedMs: 1,
    });
  });
}

async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    if (error instanceof RpcRefusal) return `${error.httpStatus} ${error.code}`;
    throw error;
  }
  assert.fail('the call was not refused');
}

const FORBIDDEN = '403 Forbidden.NoPermission';
const UNKNOWN = '404 Forbidden.KeyNotFound';
const ALL_KEYS = { Effect: 'Allow', Action: 'kms:*', Resource: '*' };
const Plaintext = base64('x');

test('with the default policy a user needs a policy of RAM, and the account nothing', async () => {
  await using server = await openKmsServer();
  const { keyId: KeyId } = await server.kms.makeKey();
  await server.call('Encrypt', { KeyId, Plaintext });
  assert.equal(await refusal(server.call('Encrypt', { KeyId, Plaintext }, ALICE)), FORBIDDEN);
  await grant(server, ALICE, ALL_KEYS);
  await server.call('Encrypt', { KeyId, Plaintext }, ALICE);
});

test('a user whom the policy of a key names may do what it says, without a policy of RAM', async () => {
  await using server = await openKmsServer();
  const { keyId: KeyId } = await server.kms.makeKey();
  const { keyId: other } = await server.kms.makeKey();
  await setPolicy(server, KeyId, allow(everybodyOf(SCOPE.accountId), 'kms:*'), allow(ALICE.arn, 'kms:Encrypt'));
  await server.call('Encrypt', { KeyId, Plaintext }, ALICE);
  assert.equal(await refusal(server.call('DescribeKey', { KeyId }, ALICE)), FORBIDDEN);
  assert.equal(await refusal(server.call('Encrypt', { KeyId: other, Plaintext }, ALICE)), FORBIDDEN);
  // The account's own statement speaks for the account, not for every user in it.
  assert.equal(await refusal(server.call('Encrypt', { KeyId, Plaintext }, BOB)), FORBIDDEN);
});

test('what the policy of a key denies no policy of RAM allows, and the account that owns the key is not bound', async () => {
  await using server = await openKmsServer();
  const { keyId: KeyId } = await server.kms.makeKey();
  await grant(server, ALICE, ALL_KEYS);
  await grant(server, BOB, ALL_KEYS);
  await setPolicy(server, KeyId, deny(ALICE.arn, 'kms:Encrypt'));
  assert.equal(await refusal(server.call('Encrypt', { KeyId, Plaintext }, ALICE)), FORBIDDEN);
  await server.call('DescribeKey', { KeyId }, ALICE);
  await server.call('Encrypt', { KeyId, Plaintext }, BOB);
  await setPolicy(server, KeyId, deny(everybodyOf(SCOPE.accountId), 'kms:*'));
  assert.equal(await refusal(server.call('Encrypt', { KeyId, Plaintext }, BOB)), FORBIDDEN);
  await server.call('Encrypt', { KeyId, Plaintext });
  await setPolicy(server, KeyId, allow(everybodyOf(SCOPE.accountId), 'kms:*'));
  await server.call('Encrypt', { KeyId, Plaintext }, BOB);
});

test('conditions of a key policy are asked', async () => {
  await using server = await openKmsServer();
  const { keyId: KeyId } = await server.kms.makeKey();
  const condition = { Condition: { StringEquals: { 'kms:tag/env': 'test' } } };
  await setPolicy(server, KeyId, { ...allow(ALICE.arn, 'kms:Encrypt'), ...condition });
  assert.equal(await refusal(server.call('Encrypt', { KeyId, Plaintext }, ALICE)), FORBIDDEN);
  await server.call('TagResource', { KeyId, Tags: '[{"TagKey":"env","TagValue":"test"}]' });
  await server.call('Encrypt', { KeyId, Plaintext }, ALICE);
  const ofOthers = { ...allow(everybodyOf(OTHER.accountId), 'kms:Encrypt'), ...condition };
  await setPolicy(server, KeyId, ofOthers);
  await server.call('Encrypt', { KeyId: keyArn(SCOPE, KeyId), Plaintext }, OTHER);
  await server.call('UntagResource', { KeyId, TagKeys: '["env"]' });
  assert.equal(await refusal(server.call('Encrypt', { KeyId: keyArn(SCOPE, KeyId), Plaintext }, OTHER)), FORBIDDEN);
});

test('a key of another account that does not share it looks like none, whoever asks and however', async () => {
  await using server = await openKmsServer();
  const { keyId } = await server.kms.makeKey();
  await grant(server, CAROL, ALL_KEYS);
  const { CiphertextBlob } = await server.call<{ CiphertextBlob: string }>('Encrypt', { KeyId: keyId, Plaintext });
  const policies = [[], [allow(everybodyOf('1000000000000009'), 'kms:*'), deny(everybodyOf(OTHER.accountId), 'kms:*')]];
  for (const statements of policies) {
    if (statements.length > 0) await setPolicy(server, keyId, ...statements);
    for (const KeyId of [keyArn(SCOPE, keyId), keyId]) {
      for (const signer of [OTHER, CAROL]) {
        assert.equal(await refusal(server.call('DescribeKey', { KeyId }, signer)), UNKNOWN);
        assert.equal(await refusal(server.call('Encrypt', { KeyId, Plaintext }, signer)), UNKNOWN);
        assert.equal(await refusal(server.call('GenerateDataKey', { KeyId }, signer)), UNKNOWN);
        assert.equal(await refusal(server.call('Decrypt', { CiphertextBlob }, signer)), UNKNOWN);
      }
    }
  }
});

test('a key that is shared with another account is used there by its ARN, as far as its policy says', async () => {
  await using server = await openKmsServer();
  const { keyId } = await server.kms.makeKey();
  const KeyId = keyArn(SCOPE, keyId);
  await setPolicy(server, keyId, allow(everybodyOf(OTHER.accountId), 'kms:Encrypt', 'kms:Decrypt', 'kms:DescribeKey'));
  const { CiphertextBlob } = await server.call<{ CiphertextBlob: string }>('Encrypt', { KeyId, Plaintext }, OTHER);
  assert.deepEqual(
    ((await server.call('Decrypt', { CiphertextBlob }, OTHER)) as { Plaintext: string }).Plaintext,
    Plaintext,
  );
  const { KeyMetadata: key } = await server.call<{ KeyMetadata: { Arn: string; Creator: string } }>(
    'DescribeKey',
    { KeyId },
    OTHER,
  );
  assert.deepEqual([key.Arn, key.Creator], [KeyId, SCOPE.accountId]);
  assert.equal(await refusal(server.call('GenerateDataKey', { KeyId }, OTHER)), FORBIDDEN);
  // By its id alone nobody means a key of others.
  assert.equal(await refusal(server.call('DescribeKey', { KeyId: keyId }, OTHER)), UNKNOWN);
  const elsewhere = keyArn(OTHER_REGION, keyId);
  assert.equal(await refusal(server.call('DescribeKey', { KeyId: elsewhere }, OTHER)), UNKNOWN);
  await setPolicy(server, keyId, allow(everybodyOf(SCOPE.accountId), 'kms:*'));
  assert.equal(await refusal(server.call('Decrypt', { CiphertextBlob }, OTHER)), UNKNOWN);
});

test('a user of another account needs a policy of RAM there besides the policy of the key', async () => {
  await using server = await openKmsServer();
  const { keyId } = await server.kms.makeKey();
  const KeyId = keyArn(SCOPE, keyId);
  for (const principal of [everybodyOf(OTHER.accountId), CAROL.arn]) {
    await setPolicy(server, keyId, allow(principal, 'kms:Encrypt'));
    assert.equal(await refusal(server.call('Encrypt', { KeyId, Plaintext }, CAROL)), FORBIDDEN, principal);
  }
  await grant(server, CAROL, { ...ALL_KEYS, Resource: `acs:kms:*:${SCOPE.accountId}:key/*` });
  await server.call('Encrypt', { KeyId, Plaintext }, CAROL);
  assert.equal(await refusal(server.call('DescribeKey', { KeyId }, CAROL)), FORBIDDEN);
  // The key names Carol, not her account.
  assert.equal(await refusal(server.call('Encrypt', { KeyId, Plaintext }, OTHER)), FORBIDDEN);
});

test('no other account changes a key, whatever the policy of the key says', async () => {
  await using server = await openKmsServer();
  const { keyId } = await server.kms.makeKey();
  const KeyId = keyArn(SCOPE, keyId);
  await setPolicy(server, keyId, allow(everybodyOf(OTHER.accountId), 'kms:*'));
  const changes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    DisableKey: {},
    ScheduleKeyDeletion: { PendingWindowInDays: '7' },
    SetKeyPolicy: { Policy: '{"Version":"1","Statement":[]}' },
    UpdateKeyDescription: { Description: 'mine' },
    TagResource: { Tags: '[]' },
    CreateAlias: { AliasName: 'alias/mine' },
    GetKeyPolicy: {},
    ListKeyVersions: {},
  };
  for (const [name, parameters] of Object.entries(changes)) {
    const outcome = await refusal(server.call(name, { KeyId, ...parameters }, OTHER));
    assert.ok([UNKNOWN, '400 InvalidParameter'].includes(outcome), `${name}: ${outcome}`);
  }
  assert.equal((await server.kms.keys.find(SCOPE, keyId, { alias: 'refused' })).keyState, 'Enabled');
});
