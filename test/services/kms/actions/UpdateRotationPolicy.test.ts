import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

const rotationOf = (key: Readonly<Record<string, unknown>>): readonly unknown[] => [
  key['AutomaticRotation'],
  key['RotationInterval'],
  key['NextRotationDate'],
];

test('UpdateRotationPolicy takes 7 to 730 days in any unit and shows them in seconds', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey();
  const shown = async () => rotationOf((await api.call('DescribeKey', { KeyId })).KeyMetadata);
  const set = (RotationInterval?: string, EnableAutomaticRotation = true): object => ({
    KeyId,
    EnableAutomaticRotation,
    RotationInterval,
  });
  assert.deepEqual(await shown(), ['Disabled', undefined, undefined]);
  for (const [interval, seconds] of Object.entries({
    '7d': 604_800,
    '604800s': 604_800,
    '168h': 604_800,
    '10080m': 604_800,
  })) {
    assert.deepEqual(await api.call('UpdateRotationPolicy', set(interval)), {});
    assert.deepEqual(await shown(), ['Enabled', `${seconds}s`, '2026-11-30T00:00:00Z']);
  }
  await api.call('UpdateRotationPolicy', set('730d'));
  assert.deepEqual(await shown(), ['Enabled', '63072000s', '2028-11-22T00:00:00Z']);
  for (const wrong of ['6d', '604799s', '731d', '7', 'd', '7 d', '-7d', '7w', '0x7d'])
    await api.refused('UpdateRotationPolicy', set(wrong), 'InvalidParameter', 400);
  await api.refused('UpdateRotationPolicy', set(), 'MissingParameter', 400);
  await api.refused('UpdateRotationPolicy', set('6d', false), 'InvalidParameter', 400);
  assert.deepEqual(await shown(), ['Enabled', '63072000s', '2028-11-22T00:00:00Z'], 'refusals change nothing');
  await api.call('UpdateRotationPolicy', set('365d', false));
  assert.deepEqual(await shown(), ['Disabled', undefined, undefined]);
});

test('the rotation of a key that is disabled or waits for its deletion is suspended, and goes on afterwards', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ EnableAutomaticRotation: true, RotationInterval: '7d' });
  const shown = async () => rotationOf((await api.call('DescribeKey', { KeyId })).KeyMetadata);
  const rest = ['604800s', '2026-11-30T00:00:00Z'];
  await api.call('DisableKey', { KeyId });
  assert.deepEqual(await shown(), ['Suspended', ...rest]);
  await api.call('EnableKey', { KeyId });
  assert.deepEqual(await shown(), ['Enabled', ...rest]);
  await api.call('ScheduleKeyDeletion', { KeyId, PendingWindowInDays: 7 });
  assert.deepEqual(await shown(), ['Suspended', ...rest]);
  await api.call('CancelKeyDeletion', { KeyId });
  assert.deepEqual(await shown(), ['Enabled', ...rest]);
});

test('UpdateRotationPolicy refuses asymmetric keys, imported material and the service key', async () => {
  await using api = await openKmsApi();
  const on = { EnableAutomaticRotation: true, RotationInterval: '30d' };
  const rsa = await api.createKey({ KeySpec: 'RSA_2048' });
  await api.refused('UpdateRotationPolicy', { ...on, KeyId: rsa }, 'Rejected.UnsupportedOperation', 400);
  const external = await api.createKey({ Origin: 'EXTERNAL' });
  await api.refused('UpdateRotationPolicy', { ...on, KeyId: external }, 'Rejected.PendingImport', 409);
  const { keyId: serviceKey } = await api.kms.serviceKeys.obtain(SCOPE);
  await api.refused('UpdateRotationPolicy', { ...on, KeyId: serviceKey }, 'Forbidden.NoPermission', 403);
});
