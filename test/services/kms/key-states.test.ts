// Every KMS operation that names a key, in every state of the key, signed and sent through the real front door, against
// the documents. The table is written from them, not from src/kms/key-states.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RpcRefusal } from '../../../src/api/rpc-client.ts';
import { updateKey } from '../../../src/metadata/keys.ts';
import type { KeySpec, KeyState } from '../../../src/metadata/keys.ts';
import { kmsActions } from '../../../src/services/kms/registry.ts';
import { DAY_MS, SCOPE } from '../../kms/open-test-kms.ts';
import { base64 } from './call-kms.ts';
import { openKmsServer } from './kms-server.ts';
import type { KmsServer } from './kms-server.ts';

const STATES: readonly KeyState[] = ['Enabled', 'Disabled', 'PendingDeletion', 'PendingImport'];
const ok = 'ok';
const dying = '409 Rejected.PendingDeletion';
const modified = '409 Rejected.StateModifiedFailed';
type Outcomes = readonly [enabled: string, disabled: string, pendingDeletion: string, pendingImport: string];
const use: Outcomes = [ok, '409 Rejected.Disabled', dying, '409 Rejected.PendingImport'];
const any: Outcomes = [ok, ok, ok, ok];
const edit: Outcomes = [ok, ok, dying, ok];

const TABLE: Readonly<Record<string, Outcomes>> = {
  // facts.md 2.4, "Impact of CMK state on API calls"
  Encrypt: use,
  GenerateDataKey: use,
  GenerateDataKeyWithoutPlaintext: use,
  Decrypt: use,
  DescribeKey: any,
  ListKeys: any,
  ListAliases: any,
  ListAliasesByKeyId: any,
  DeleteAlias: any,
  UpdateKeyDescription: edit,
  EnableKey: [ok, ok, modified, modified],
  DisableKey: [ok, ok, modified, modified],
  ScheduleKeyDeletion: [ok, ok, modified, ok],
  CancelKeyDeletion: [modified, modified, ok, modified],
  CreateAlias: [ok, ok, modified, ok],
  UpdateAlias: edit,
  // "Only keys in the Enabled state": KMS API reference, CreateKeyVersion and UpdateRotationPolicy.
  CreateKeyVersion: use,
  UpdateRotationPolicy: use,
  // "Make sure that the CMK is not in the Pending Deletion state": KMS API reference, SetDeletionProtection.
  SetDeletionProtection: edit,
  // In no document: looking never depends on the state, nor do tags.
  DescribeKeyVersion: any,
  ListKeyVersions: any,
  TagResource: any,
  UntagResource: any,
  ListResourceTags: any,
  TagResources: any,
  UntagResources: any,
  ListTagResources: any,
};

/** Operations that name no key. */
const WITHOUT_KEY = ['OpenKmsService', 'DescribeAccountKmsStatus', 'DescribeRegions', 'CreateKey'];

/** The state that a successful call leaves. */
const STATE_AFTER: Readonly<Record<string, KeyState>> = {
  EnableKey: 'Enabled',
  DisableKey: 'Disabled',
  ScheduleKeyDeletion: 'PendingDeletion',
  CancelKeyDeletion: 'Enabled',
};

/** Operations that are possible with other keys than AES-256 only. */
const SPEC: Readonly<Record<string, KeySpec>> = { CreateKeyVersion: 'RSA_2048' };

/** A key to try an operation on, with what was made of it while it could be used. */
interface Subject {
  readonly keyId: string;
  readonly keyVersionId: string;
  readonly ciphertext: string;
}

/** Parameters besides `KeyId`, which all get unless they say `KeyId: undefined`. */
const PARAMETERS: Readonly<Record<string, (subject: Subject) => Readonly<Record<string, string | undefined>>>> = {
  Encrypt: () => ({ Plaintext: base64('x') }),
  Decrypt: ({ ciphertext }) => ({ KeyId: undefined, CiphertextBlob: ciphertext }),
  ListKeys: () => ({ KeyId: undefined }),
  ListAliases: () => ({ KeyId: undefined }),
  ScheduleKeyDeletion: () => ({ PendingWindowInDays: '7' }),
  UpdateKeyDescription: () => ({ Description: 'new' }),
  SetDeletionProtection: () => ({ EnableDeletionProtection: 'false' }),
  DescribeKeyVersion: ({ keyVersionId }) => ({ KeyVersionId: keyVersionId }),
  UpdateRotationPolicy: () => ({ EnableAutomaticRotation: 'true', RotationInterval: '30d' }),
  CreateAlias: () => ({ AliasName: 'alias/new' }),
  UpdateAlias: () => ({ AliasName: 'alias/of-another-key' }),
  DeleteAlias: () => ({ KeyId: undefined, AliasName: 'alias/of-the-key' }),
  TagResource: () => ({ Tags: '[{"TagKey":"a","TagValue":"1"}]' }),
  UntagResource: () => ({ TagKeys: '["a"]' }),
  TagResources: ({ keyId }) => ({
    KeyId: undefined,
    ResourceType: 'key',
    'ResourceId.1': keyId,
    'Tag.1.Key': 'a',
    'Tag.1.Value': '1',
  }),
  UntagResources: ({ keyId }) => ({ KeyId: undefined, ResourceType: 'key', 'ResourceId.1': keyId, All: 'true' }),
  ListTagResources: ({ keyId }) => ({ KeyId: undefined, ResourceType: 'key', 'ResourceId.1': keyId }),
};

async function makeSubject({ kms }: KmsServer, keySpec: KeySpec): Promise<Subject> {
  const key = await kms.makeKey(keySpec);
  const isSymmetric = keySpec.startsWith('Aliyun_');
  const sealed = isSymmetric ? await kms.envelope.encrypt('Encrypt', key, {}, Buffer.from('x')) : undefined;
  return {
    keyId: key.keyId,
    keyVersionId: key.primaryVersionId,
    ciphertext: Buffer.from(sealed?.blob ?? []).toString('base64'),
  };
}

async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return ok;
  } catch (error) {
    if (error instanceof RpcRefusal) return `${error.httpStatus} ${error.code}`;
    throw error;
  }
}

test('the table has a row for every operation that there is', async () => {
  await using server = await openKmsServer();
  const names = kmsActions(server.kms).map((action) => action.name);
  assert.deepEqual(names.toSorted(), [...Object.keys(TABLE), ...WITHOUT_KEY].toSorted());
});

for (const [column, state] of STATES.entries()) {
  test(`every operation does what is documented on a key that is ${state}`, async () => {
    await using server = await openKmsServer();
    const { kms } = server;
    const another = await kms.makeKey();
    await kms.aliases.create(SCOPE, 'alias/of-another-key', another.keyId);
    const subjects = new Map<KeySpec, Subject>();
    for (const [name, outcomes] of Object.entries(TABLE)) {
      const spec = SPEC[name] ?? 'Aliyun_AES_256';
      const subject = subjects.get(spec) ?? (await makeSubject(server, spec));
      subjects.set(spec, subject);
      const { keyId } = subject;
      if (name === 'DeleteAlias') {
        await setState(server, keyId, 'Enabled');
        await kms.aliases.create(SCOPE, 'alias/of-the-key', keyId);
      }
      // A further version of an asymmetric key may come a week after the one before.
      kms.advance(8 * DAY_MS);
      await setState(server, keyId, state);
      const before = await kms.keys.find(SCOPE, keyId, { alias: 'refused' });
      const parameters = { KeyId: keyId, ...PARAMETERS[name]?.(subject) };

      const expected = outcomes[column];
      assert.equal(await outcomeOf(server.call(name, parameters)), expected, `${name} on ${state}`);
      const after = await kms.keys.find(SCOPE, keyId, { alias: 'refused' });
      if (expected === ok) assert.equal(after.keyState, STATE_AFTER[name] ?? state, `${name} on ${state}`);
      else assert.deepEqual(after, before, `${name} on ${state} changed nothing`);
    }
  });
}

async function setState({ kms }: KmsServer, keyId: string, keyState: KeyState): Promise<void> {
  const deleteMs = keyState === 'PendingDeletion' ? kms.clock.nowMs() + 30 * DAY_MS : null;
  await kms.database.transact((transaction) => updateKey(transaction, keyId, { keyState, deleteMs }));
}
