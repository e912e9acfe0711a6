import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, OTHER_REGION, SCOPE } from '../../../kms/open-test-kms.ts';
import { base64, openKmsApi } from '../call-kms.ts';

test('before KMS is open every other operation is refused, and nothing is created', async () => {
  await using api = await openKmsApi({ open: false });
  const keyId = '0e478b7a-4262-4802-b8cb-00d3fb40826b';
  const blob = Buffer.alloc(200, 'a').toString('base64');
  const inputs: Record<string, object> = {
    CreateKey: {},
    DescribeKey: { KeyId: keyId },
    ListKeys: {},
    EnableKey: { KeyId: keyId },
    DisableKey: { KeyId: keyId },
    ScheduleKeyDeletion: { KeyId: keyId, PendingWindowInDays: 7 },
    CancelKeyDeletion: { KeyId: keyId },
    GenerateDataKey: { KeyId: keyId },
    GenerateDataKeyWithoutPlaintext: { KeyId: keyId },
    Encrypt: { KeyId: keyId, Plaintext: base64('x') },
    Decrypt: { CiphertextBlob: blob },
    CreateAlias: { KeyId: keyId, AliasName: 'alias/x' },
    ListAliases: {},
  };
  for (const [name, input] of Object.entries(inputs))
    await api.refused(name, input, 'Forbidden.KmsServiceNotEnabled', 403);
  assert.equal((await api.kms.keys.list(SCOPE, { offset: 0, limit: 1 })).totalCount, 0);
});

test('OpenKmsService opens KMS once, for one account in one region', async () => {
  await using api = await openKmsApi({ open: false });
  assert.deepEqual(await api.call('OpenKmsService'), {});
  await api.refused('OpenKmsService', {}, 'Forbidden.Opened', 400);
  await api.createKey();
  for (const scope of [OTHER_ACCOUNT, OTHER_REGION])
    await api.refused('CreateKey', {}, 'Forbidden.KmsServiceNotEnabled', 403, scope);
  assert.deepEqual(await api.call('OpenKmsService', {}, OTHER_REGION), {});
});

test('KMS cannot be opened or used in a region that does not exist', async () => {
  await using api = await openKmsApi();
  const nowhere = { ...SCOPE, regionId: 'cn-hangzou' };
  for (const name of ['OpenKmsService', 'DescribeAccountKmsStatus', 'CreateKey', 'ListKeys'])
    await api.refused(name, {}, 'InvalidRegionId.NotFound', 404, nowhere);
});
