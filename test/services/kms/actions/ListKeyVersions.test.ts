import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DAY_MS } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('ListKeyVersions shows the versions of a key page by page, oldest first, also by alias', async () => {
  await using api = await openKmsApi();
  const KeyId = await api.createKey({ EnableAutomaticRotation: true, RotationInterval: '7d' });
  await api.call('CreateAlias', { KeyId, AliasName: 'alias/a' });
  for (let count = 0; count < 2; count++) {
    api.kms.advance(7 * DAY_MS);
    await api.kms.versions.rotateDue();
  }
  const first = await api.call('ListKeyVersions', { KeyId: 'alias/a', PageSize: 2 });
  assert.deepEqual([first.TotalCount, first.PageNumber, first.PageSize], [3, 1, 2]);
  const second = await api.call('ListKeyVersions', { KeyId, PageSize: 2, PageNumber: 2 });
  const shown = [...first.KeyVersions.KeyVersion, ...second.KeyVersions.KeyVersion];
  assert.deepEqual(
    shown.map((version) => [version['KeyId'], version['CreationDate']]),
    ['2026-11-23', '2026-11-30', '2026-12-07'].map((day) => [KeyId, `${day}T00:00:00Z`]),
  );
  assert.equal((await api.call('ListKeyVersions', { KeyId, PageNumber: 9 })).KeyVersions.KeyVersion.length, 0);
  await api.refused('ListKeyVersions', { KeyId, PageSize: 101 }, 'InvalidParameter', 400);
});
