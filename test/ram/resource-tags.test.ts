import assert from 'node:assert/strict';
import { test } from 'node:test';

import { insertAccount } from '../../src/metadata/accounts.ts';
import { insertDisk } from '../../src/metadata/disks.ts';
import { insertPolicy } from '../../src/metadata/policies.ts';
import { insertSnapshot } from '../../src/metadata/snapshots.ts';
import { asksForTags, resourceTagContext, withResourceTags } from '../../src/ram/resource-tags.ts';
import { createKey } from '../../src/services/kms/actions/CreateKey.ts';
import { TestCloud, ACCOUNT as CLOUD_ACCOUNT, REGION } from '../services/ecs/test-cloud.ts';
import { ACCOUNT, aDisk, aSnapshot, openTestDatabase } from '../metadata/support.ts';

test('disks, snapshots and policies show their tags under both names, to their account only', async () => {
  await using opened = await openTestDatabase();
  const { database } = opened;
  const [disk, snapshot] = [aDisk(), aSnapshot()];
  await database.transact(async (transaction) => {
    await insertAccount(transaction, { accountId: ACCOUNT, regionId: 'cn-hangzhou', createdMs: 1 });
    await insertDisk(transaction, disk);
    await insertSnapshot(transaction, snapshot);
    const tags = [{ key: 'team', value: 'a' }];
    const policy = { accountId: ACCOUNT, policyName: 'P', description: '', defaultVersion: 'v1', tags };
    await insertPolicy(transaction, { ...policy, createdMs: 1, updatedMs: 1 }, '{}');
  });
  const tagsOf = (resource: string) => resourceTagContext(database.read, resource);
  const ecs = (kind: string, id: string, owner = ACCOUNT) => `acs:ecs:cn-hangzhou:${owner}:${kind}/${id}`;
  assert.deepEqual(await tagsOf(ecs('disk', disk.diskId)), { 'ecs:tag/env': 'test', 'acs:ResourceTag/env': 'test' });
  assert.deepEqual(await tagsOf(ecs('snapshot', snapshot.snapshotId)), {
    'ecs:tag/env': 'prod',
    'acs:ResourceTag/env': 'prod',
  });
  assert.deepEqual(await tagsOf(`acs:ram::${ACCOUNT}:policy/P`), {
    'ram:tag/team': 'a',
    'acs:ResourceTag/team': 'a',
  });
  for (const absent of [
    ecs('disk', disk.diskId, '1111111111111111'),
    ecs('disk', '*'),
    ecs('disk', ''),
    ecs('image', 'm-1'),
    ecs('constructor', 'x'),
    '*',
  ]) {
    assert.deepEqual(await tagsOf(absent), {}, absent);
  }
});

test('keys show the tags that KMS gave them', async () => {
  await using cloud = await TestCloud.ready();
  const tags = JSON.stringify([{ TagKey: 'env', TagValue: 'prod' }]);
  const { KeyMetadata } = await cloud.call(createKey(cloud.kms), { Tags: tags });
  const resource = `acs:kms:${REGION}:${CLOUD_ACCOUNT}:key/${KeyMetadata?.KeyId}`;
  assert.deepEqual(await resourceTagContext(cloud.database.read, resource), {
    'kms:tag/env': 'prod',
    'acs:ResourceTag/env': 'prod',
  });
});

test('only conditions on tags need the resource', () => {
  for (const key of ['kms:tag/env', 'ecs:tag/x', 'acs:resourcetag/x']) assert.equal(asksForTags(key), true, key);
  for (const key of ['acs:sourceip', 'acs:requesttag/x', 'kms:tags/x']) assert.equal(asksForTags(key), false, key);
});

test('tags that are known under the name of their service are known under the common one', () => {
  assert.deepEqual(withResourceTags({ 'acs:CurrentTime': 't', 'kms:tag/a': 'x' }), {
    'acs:CurrentTime': 't',
    'kms:tag/a': 'x',
    'acs:ResourceTag/a': 'x',
  });
});
