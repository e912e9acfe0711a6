import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_REGION } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('DescribeAccountKmsStatus tells whether KMS is open in the region', async () => {
  await using api = await openKmsApi({ open: false });
  assert.deepEqual(await api.call('DescribeAccountKmsStatus'), { AccountStatus: 'NotEnabled' });
  await api.call('OpenKmsService');
  assert.deepEqual(await api.call('DescribeAccountKmsStatus'), { AccountStatus: 'Enabled' });
  assert.deepEqual(await api.call('DescribeAccountKmsStatus', {}, OTHER_REGION), { AccountStatus: 'NotEnabled' });
});
