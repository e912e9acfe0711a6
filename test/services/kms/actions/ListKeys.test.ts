import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OTHER_ACCOUNT, SCOPE } from '../../../kms/open-test-kms.ts';
import { openKmsApi } from '../call-kms.ts';

test('ListKeys pages through the keys of the account and region, oldest first', async () => {
  await using api = await openKmsApi();
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) {
    ids.push(await api.createKey());
    api.kms.advance(1000);
  }
  await api.call('CreateKey', {}, OTHER_ACCOUNT);
  const page = await api.call('ListKeys', { PageNumber: 2, PageSize: 2 });
  assert.deepEqual(
    page.Keys.Key,
    ids.slice(2, 4).map((id) => ({ KeyId: id, KeyArn: `acs:kms:cn-hangzhou:${SCOPE.accountId}:key/${id}` })),
  );
  assert.deepEqual([page.PageNumber, page.PageSize, page.TotalCount], [2, 2, 5]);
  const all = await api.call('ListKeys');
  assert.deepEqual([all.Keys.Key.map((key) => key.KeyId), all.PageNumber, all.PageSize], [ids, 1, 10]);
  assert.deepEqual((await api.call('ListKeys', { PageNumber: 9 })).Keys.Key, []);
});

test('ListKeys filters by state, spec, usage and creator, all at once', async () => {
  await using api = await openKmsApi();
  const aes = await api.createKey();
  const sm4 = await api.createKey({ KeySpec: 'Aliyun_SM4' });
  const service = await api.kms.serviceKeys.obtain(SCOPE);
  await api.call('DisableKey', { KeyId: sm4 });
  const list = async (...filters: [string, string[]][]): Promise<string[]> => {
    const Filters = JSON.stringify(filters.map(([Key, Values]) => ({ Key, Values })));
    return (await api.call('ListKeys', { Filters })).Keys.Key.map((key) => key.KeyId).sort();
  };
  assert.deepEqual(await list(['KeyState', ['Disabled']]), [sm4]);
  assert.deepEqual(
    await list(['KeySpec', ['Aliyun_AES_256', 'Aliyun_SM4']], ['CreatorType', ['User']]),
    [aes, sm4].sort(),
  );
  assert.deepEqual(await list(['CreatorType', ['Service']]), [service.keyId]);
  assert.deepEqual(await list(['KeyUsage', ['SIGN/VERIFY']]), []);
});

test('ListKeys refuses pages and filters that it does not understand', async () => {
  await using api = await openKmsApi();
  const one = (Key: unknown, Values: unknown) => ({ Filters: JSON.stringify([{ Key, Values }]) });
  const refused = [
    { PageNumber: 0 },
    { PageSize: 0 },
    { PageSize: 101 },
    { PageNumber: 1.5 },
    { Filters: 'x' },
    { Filters: '{}' },
    { Filters: '[null]' },
    one('Name', ['x']),
    one('toString', ['x']),
    one('KeyState', 'Enabled'),
    one('KeyState', []),
    one('KeyState', [1]),
  ];
  for (const input of refused) await api.refused('ListKeys', input, 'InvalidParameter', 400);
});
