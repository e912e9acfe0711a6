import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('CreateKey makes an AES-256 key by default and shows it as documented', async () => {
  await using api = await openKmsApi();
  const { KeyMetadata: made } = await api.call('CreateKey', { Description: 'mine' });
  const { KeyId: keyId = '', PrimaryKeyVersion: version = '' } = made;
  assert.match(version, /^[0-9a-f-]{36}$/);
  assert.deepEqual(made, {
    KeyId: keyId,
    Arn: `acs:kms:cn-hangzhou:${SCOPE.accountId}:key/${keyId}`,
    CreationDate: '2026-11-23T00:00:00Z',
    Creator: SCOPE.accountId,
    Description: 'mine',
    KeySpec: 'Aliyun_AES_256',
    KeyUsage: 'ENCRYPT/DECRYPT',
    KeyState: 'Enabled',
    Origin: 'Aliyun_KMS',
    ProtectionLevel: 'SOFTWARE',
    PrimaryKeyVersion: version,
    DeleteDate: '',
    MaterialExpireTime: '',
    LastRotationDate: '2026-11-23T00:00:00Z',
    AutomaticRotation: 'Disabled',
  });
});

/** Each spec with its usages, the default one first, and whether its material may come from outside. */
const SPECS: readonly (readonly [string, readonly string[], boolean])[] = [
  ['Aliyun_AES_256', ['ENCRYPT/DECRYPT'], true],
  ['Aliyun_AES_192', ['ENCRYPT/DECRYPT'], true],
  ['Aliyun_AES_128', ['ENCRYPT/DECRYPT'], true],
  ['Aliyun_SM4', ['ENCRYPT/DECRYPT'], true],
  ['RSA_2048', ['SIGN/VERIFY', 'ENCRYPT/DECRYPT'], false],
  ['RSA_3072', ['SIGN/VERIFY', 'ENCRYPT/DECRYPT'], false],
  ['EC_P256', ['SIGN/VERIFY'], false],
  ['EC_P256K', ['SIGN/VERIFY'], false],
  ['EC_SM2', ['SIGN/VERIFY', 'ENCRYPT/DECRYPT'], false],
  ['HMAC_SHA224', ['GENERATE/VERIFY_MAC'], false],
  ['HMAC_SHA256', ['GENERATE/VERIFY_MAC'], false],
  ['HMAC_SHA384', ['GENERATE/VERIFY_MAC'], false],
  ['HMAC_SHA512', ['GENERATE/VERIFY_MAC'], false],
  ['HMAC_SM3', ['GENERATE/VERIFY_MAC'], false],
];

for (const [KeySpec, usages, importable] of SPECS) {
  test(`CreateKey makes a key of ${KeySpec} for ${usages.join(' or ')}, and for nothing else`, async () => {
    await using api = await openKmsApi();
    const make = async (input: object) => (await api.call('CreateKey', { KeySpec, ...input })).KeyMetadata;
    const made = await make({});
    assert.deepEqual([made['KeySpec'], made['KeyUsage'], made['Origin']], [KeySpec, usages[0], 'Aliyun_KMS']);
    for (const KeyUsage of ['ENCRYPT/DECRYPT', 'SIGN/VERIFY', 'GENERATE/VERIFY_MAC']) {
      if (KeyUsage === usages[0]) continue;
      if (usages.includes(KeyUsage)) assert.equal((await make({ KeyUsage }))['KeyUsage'], KeyUsage);
      else await api.refused('CreateKey', { KeySpec, KeyUsage }, 'InvalidParameter', 400);
    }
    if (importable) assert.equal((await make({ Origin: 'EXTERNAL' }))['KeyState'], 'PendingImport');
    else await api.refused('CreateKey', { KeySpec, Origin: 'EXTERNAL' }, 'Unsupported.Origin', 400);
  });
}

test('CreateKey keeps tags, and refuses tags that only products may set', async () => {
  await using api = await openKmsApi();
  const tag = (key: unknown, value: unknown = 'v') => ({ TagKey: key, TagValue: value });
  const keyId = await api.createKey({ Tags: JSON.stringify([tag('a', '1'), tag('b', '')]) });
  const { tags } = await api.kms.keys.find(SCOPE, keyId, { alias: 'refused' });
  assert.deepEqual(tags, [
    { key: 'a', value: '1' },
    { key: 'b', value: '' },
  ]);
  const many = Array.from({ length: 21 }, (_, index) => tag(`k${index}`));
  const refused = [
    [tag('acs:ecs:disk-encryption', 'true')],
    [tag('a'), tag('a')],
    [tag('')],
    [tag(1)],
    [null],
    many,
    {},
  ];
  for (const tags of refused) await api.refused('CreateKey', { Tags: JSON.stringify(tags) }, 'InvalidParameter', 400);
  await api.refused('CreateKey', { Tags: 'not json' }, 'InvalidParameter', 400);
});

test('CreateKey refuses what it cannot do instead of ignoring it, and creates nothing', async () => {
  await using api = await openKmsApi();
  await api.refused('CreateKey', { KeySpec: 'EC_P256', Origin: 'EXTERNAL' }, 'Unsupported.Origin', 400);
  await api.refused('CreateKey', { ProtectionLevel: 'HSM' }, 'Unsupported.ProtectionLevel', 400);
  const invalid = [
    { KeySpec: 'AES_256' },
    { KeySpec: '__proto__' },
    { KeyUsage: 'SIGN/VERIFY' },
    { KeySpec: 'RSA_2048', KeyUsage: 'GENERATE/VERIFY_MAC' },
    { Description: 'x'.repeat(8193) },
    { Origin: 'IMPORTED' },
    { Policy: '{}' },
    { EnableAutomaticRotation: true, RotationInterval: '6d' },
    { EnableAutomaticRotation: true, RotationInterval: '7d', Origin: 'EXTERNAL' },
    { EnableAutomaticRotation: true, RotationInterval: '7d', KeySpec: 'RSA_2048' },
    { RotationInterval: 'yearly' },
    { DKMSInstanceId: 'kst-1' },
  ];
  for (const input of invalid) await api.refused('CreateKey', input, 'InvalidParameter', 400);
  assert.equal((await api.call('ListKeys')).TotalCount, 0);
  await api.createKey({ EnableAutomaticRotation: false, Origin: 'Aliyun_KMS', ProtectionLevel: 'SOFTWARE' });
});

test('CreateKey makes a key that is rotated, and shows when', async () => {
  await using api = await openKmsApi();
  const { KeyMetadata: made } = await api.call('CreateKey', {
    EnableAutomaticRotation: true,
    RotationInterval: '365d',
  });
  assert.deepEqual(
    [made['AutomaticRotation'], made['RotationInterval'], made['NextRotationDate']],
    ['Enabled', '31536000s', '2027-11-23T00:00:00Z'],
  );
  await api.refused('CreateKey', { EnableAutomaticRotation: true }, 'MissingParameter', 400);
});

test('CreateKey makes a key that waits for imported material', async () => {
  await using api = await openKmsApi();
  const { KeyMetadata: made } = await api.call('CreateKey', { Origin: 'EXTERNAL' });
  assert.deepEqual([made['Origin'], made['KeyState']], ['EXTERNAL', 'PendingImport']);
  await api.refused('Encrypt', { KeyId: made['KeyId'], Plaintext: 'eA==' }, 'Rejected.PendingImport', 409);
});
