// Every KMS operation that names a key, in every state of the key, signed and sent through the real front door, against
// the documents. The table is written from them, not from src/kms/key-states.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RpcRefusal } from '../../../src/api/rpc-client.ts';
import { generatePrivateKey } from '../../../src/crypto/key-pair.ts';
import { loadOpenssl } from '../../../src/crypto/openssl.ts';
import type { NewKey } from '../../../src/kms/keys.ts';
import { updateKey } from '../../../src/metadata/keys.ts';
import type { KeyState } from '../../../src/metadata/keys.ts';
import { kmsActions } from '../../../src/services/kms/registry.ts';
import { DAY_MS, newKey, SCOPE } from '../../kms/open-test-kms.ts';
import type { TestKms } from '../../kms/open-test-kms.ts';
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
  // ReEncrypt is Decrypt on the source and Encrypt on the destination; the others need the key's material like Encrypt.
  ReEncrypt: use,
  GenerateAndExportDataKey: use,
  ExportDataKey: use,
  AsymmetricEncrypt: use,
  AsymmetricDecrypt: use,
  AsymmetricSign: use,
  AsymmetricVerify: use,
  GetPublicKey: use,
  GenerateMac: use,
  VerifyMac: use,
  GetParametersForImport: any,
  ImportKeyMaterial: [ok, ok, modified, ok],
  DeleteKeyMaterial: any,
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
  // In no document: looking never depends on the state, nor do tags; a policy is edited like a description.
  GetKeyPolicy: any,
  SetKeyPolicy: edit,
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
const STATE_AFTER: Readonly<Record<string, KeyState | Partial<Record<KeyState, KeyState>>>> = {
  ImportKeyMaterial: { PendingImport: 'Enabled' },
  DeleteKeyMaterial: { Enabled: 'PendingImport', Disabled: 'PendingImport' },
  EnableKey: 'Enabled',
  DisableKey: 'Disabled',
  ScheduleKeyDeletion: 'PendingDeletion',
  CancelKeyDeletion: 'Enabled',
};

type KeyKind = Pick<NewKey, 'keySpec'> & Partial<NewKey>;
const SYMMETRIC: KeyKind = { keySpec: 'Aliyun_AES_256' };
const ENCRYPTING: KeyKind = { keySpec: 'EC_SM2' };
const SIGNING: KeyKind = { keySpec: 'EC_SM2', keyUsage: 'SIGN/VERIFY' };
const MAC: KeyKind = { keySpec: 'HMAC_SM3', keyUsage: 'GENERATE/VERIFY_MAC' };
const EXTERNAL: KeyKind = { keySpec: 'Aliyun_AES_256', origin: 'EXTERNAL' };

/** Operations that are possible with other keys than AES-256 of ours only. */
const KIND: Readonly<Record<string, KeyKind>> = {
  CreateKeyVersion: { keySpec: 'RSA_2048' },
  AsymmetricEncrypt: ENCRYPTING,
  AsymmetricDecrypt: ENCRYPTING,
  AsymmetricSign: SIGNING,
  AsymmetricVerify: SIGNING,
  GetPublicKey: SIGNING,
  GenerateMac: MAC,
  VerifyMac: MAC,
  GetParametersForImport: EXTERNAL,
  ImportKeyMaterial: EXTERNAL,
  DeleteKeyMaterial: EXTERNAL,
};

/** A key to try an operation on, with what was made of it while it could be used. */
interface Subject {
  readonly keyId: string;
  readonly keyVersionId: string;
  readonly ciphertext: string;
}

type Parameters = Readonly<Record<string, string | undefined>>;
const DIGEST = Buffer.alloc(32, 1).toString('base64');
const WRAPPING = { WrappingKeySpec: 'EC_SM2', WrappingAlgorithm: 'SM2PKE' };

/** Parameters besides `KeyId`, which all get unless they say `KeyId: undefined`. */
const PARAMETERS: Readonly<Record<string, (subject: Subject, kms: TestKms) => Parameters | Promise<Parameters>>> = {
  Encrypt: () => ({ Plaintext: base64('x') }),
  Decrypt: ({ ciphertext }) => ({ KeyId: undefined, CiphertextBlob: ciphertext }),
  ReEncrypt: ({ keyId, ciphertext }) => ({ KeyId: undefined, CiphertextBlob: ciphertext, DestinationKeyId: keyId }),
  GenerateAndExportDataKey: async () => ({ ...WRAPPING, PublicKeyBlob: await freshPublicKey() }),
  ExportDataKey: async ({ ciphertext }) => ({
    ...WRAPPING,
    KeyId: undefined,
    CiphertextBlob: ciphertext,
    PublicKeyBlob: await freshPublicKey(),
  }),
  AsymmetricEncrypt: ({ keyVersionId }) => ({
    KeyVersionId: keyVersionId,
    Algorithm: 'SM2PKE',
    Plaintext: base64('x'),
  }),
  AsymmetricDecrypt: ({ keyVersionId, ciphertext }) => ({
    KeyVersionId: keyVersionId,
    Algorithm: 'SM2PKE',
    CiphertextBlob: ciphertext,
  }),
  AsymmetricSign: ({ keyVersionId }) => ({ KeyVersionId: keyVersionId, Algorithm: 'SM2DSA', Digest: DIGEST }),
  AsymmetricVerify: ({ keyVersionId }) => ({
    KeyVersionId: keyVersionId,
    Algorithm: 'SM2DSA',
    Digest: DIGEST,
    Value: base64('x'),
  }),
  GetPublicKey: ({ keyVersionId }) => ({ KeyVersionId: keyVersionId }),
  GenerateMac: () => ({ Algorithm: 'HMAC_SM3', Message: base64('x') }),
  VerifyMac: () => ({ Algorithm: 'HMAC_SM3', Message: base64('x'), Mac: base64('x') }),
  GetParametersForImport: () => WRAPPING,
  ImportKeyMaterial: async ({ keyId }, kms) => {
    const { publicKey, token } = await kms.importedMaterial.parameters(SCOPE, keyId, 'SM2PKE');
    using key = loadOpenssl().openPublic(publicKey) ?? assert.fail('a public key');
    return {
      ImportToken: token.toBase64(),
      EncryptedKeyMaterial: key.encrypt('SM2PKE', new Uint8Array(32).fill(5)).toBase64(),
      KeyMaterialExpireUnix: '0',
    };
  },
  ListKeys: () => ({ KeyId: undefined }),
  ListAliases: () => ({ KeyId: undefined }),
  ScheduleKeyDeletion: () => ({ PendingWindowInDays: '7' }),
  UpdateKeyDescription: () => ({ Description: 'new' }),
  SetDeletionProtection: () => ({ EnableDeletionProtection: 'false' }),
  SetKeyPolicy: () => ({
    Policy:
      '{"Version":"1","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"RAM":"acs:ram::1:*"}}]}',
  }),
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

async function makeSubject({ kms }: KmsServer, kind: KeyKind): Promise<Subject> {
  const key = await kms.keys.create(SCOPE, { ...newKey(SCOPE, kind.keySpec), ...kind });
  const { keyId, primaryVersionId: keyVersionId } = key;
  const text = Buffer.from('x');
  const ciphertext =
    kind === SYMMETRIC
      ? (await kms.envelope.encrypt('Encrypt', key, {}, text)).blob
      : kind === ENCRYPTING
        ? await kms.keyPairs.encrypt({ key, keyVersionId }, 'SM2PKE', text)
        : new Uint8Array(0);
  return { keyId, keyVersionId, ciphertext: ciphertext.toBase64() };
}

async function freshPublicKey(): Promise<string> {
  using key = loadOpenssl().openPrivate(await generatePrivateKey('EC_SM2'));
  return key.publicKeyDer().toBase64();
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
    const subjects = new Map<KeyKind, Subject>();
    for (const [name, outcomes] of Object.entries(TABLE)) {
      const kind = KIND[name] ?? SYMMETRIC;
      const subject = subjects.get(kind) ?? (await makeSubject(server, kind));
      subjects.set(kind, subject);
      const { keyId } = subject;
      if (name === 'DeleteAlias') {
        await setState(server, keyId, 'Enabled');
        await kms.aliases.create(SCOPE, 'alias/of-the-key', keyId);
      }
      // A further version of an asymmetric key may come a week after the one before.
      kms.advance(8 * DAY_MS);
      await setState(server, keyId, state);
      const before = await kms.keys.find(SCOPE, keyId, { alias: 'refused' });
      const parameters = { KeyId: keyId, ...(await PARAMETERS[name]?.(subject, kms)) };

      const expected = outcomes[column];
      const stateAfter = STATE_AFTER[name];
      assert.equal(await outcomeOf(server.call(name, parameters)), expected, `${name} on ${state}`);
      const after = await kms.keys.find(SCOPE, keyId, { alias: 'refused' });
      if (expected === ok)
        assert.equal(
          after.keyState,
          (typeof stateAfter === 'object' ? stateAfter[state] : stateAfter) ?? state,
          `${name} on ${state}`,
        );
      else assert.deepEqual(after, before, `${name} on ${state} changed nothing`);
    }
  });
}

async function setState({ kms }: KmsServer, keyId: string, keyState: KeyState): Promise<void> {
  const deleteMs = keyState === 'PendingDeletion' ? kms.clock.nowMs() + 30 * DAY_MS : null;
  const materialImportedMs = keyState === 'PendingImport' ? null : kms.clock.nowMs();
  const changes = { keyState, deleteMs, materialImportedMs };
  await kms.database.transact((transaction) => updateKey(transaction, keyId, changes));
}
