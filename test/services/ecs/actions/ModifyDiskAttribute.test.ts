import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ModifyDiskAttributeInput } from '../../../../src/api/generated/ecs.ts';
import { updateDisk } from '../../../../src/metadata/disks.ts';
import { ModifyDiskAttribute } from '../../../../src/services/ecs/actions/ModifyDiskAttribute.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../test-cloud.ts';

const modify = (cloud: TestCloud, input: ModifyDiskAttributeInput, asker = {}) =>
  cloud.call(ModifyDiskAttribute(cloud.parts), input, asker);

test('what is given changes, and nothing else', async () => {
  await using cloud = await TestCloud.ready();
  const DiskId = await cloud.createDisk({ Encrypted: true, DiskName: 'before', Description: 'what it is for' });
  const before = await cloud.disk(DiskId);
  assert.deepEqual(await modify(cloud, { DiskId, DiskName: '数据盘-1', Description: '', BurstingEnabled: false }), {});
  assert.deepEqual(await cloud.disk(DiskId), { ...before, name: '数据盘-1' });
  const rest = { DeleteAutoSnapshot: false, DeleteWithInstance: true, EnableAutoSnapshot: false };
  await modify(cloud, { DiskId, Description: 'another use', ...rest });
  assert.deepEqual(await cloud.disk(DiskId), {
    ...before,
    name: '数据盘-1',
    description: 'another use',
    deleteAutoSnapshot: false,
    deleteWithInstance: true,
    enableAutoSnapshot: false,
  });
});

test('several disks change at once, all of them or none; one in use is as good', async () => {
  await using cloud = await TestCloud.open();
  const DiskIds = [await cloud.createDisk(), await cloud.createDisk(), await cloud.createDisk()];
  await cloud.exports.open({ diskId: DiskIds[0] ?? '', accountId: ACCOUNT, readOnly: false });
  await modify(cloud, { DiskIds, DiskName: 'together' });
  for (const diskId of DiskIds) assert.equal((await cloud.disk(diskId)).name, 'together');
  const withUnknown = () => modify(cloud, { DiskIds: [...DiskIds, 'd-x'], DiskName: 'apart' });
  await cloud.refuses(withUnknown, 'InvalidDiskId.NotFound', 404);
});

test('refused requests answer their documented code and change nothing', async () => {
  await using cloud = await TestCloud.open();
  const DiskId = await cloud.createDisk();
  const refused: readonly (readonly [ModifyDiskAttributeInput, string, number])[] = [
    [{ DiskName: 'name' }, 'IncompleteParamter', 400],
    [{ DiskId, DiskIds: [DiskId], DiskName: 'name' }, 'InvalidParameter', 400],
    [{ DiskIds: Array.from({ length: 101 }, (_, n) => `d-${n}`), DiskName: 'name' }, 'InvalidParameter', 400],
    [{ DiskId }, 'NoAttributeToModify', 400],
    [{ DiskId, DiskName: '', Description: '' }, 'NoAttributeToModify', 400],
    [{ DiskId, DiskName: '1' }, 'InvalidDiskName.Malformed', 400],
    [{ DiskId, Description: 'http://example.com' }, 'InvalidDescription.Malformed', 404],
    [{ DiskId, BurstingEnabled: true }, 'UnsupportedParameter', 400],
    [{ DiskId: 'd-x', DiskName: 'name' }, 'InvalidDiskId.NotFound', 404],
  ];
  for (const [input, code, httpStatus] of refused) await cloud.refuses(() => modify(cloud, input), code, httpStatus);
  const foreign = () => modify(cloud, { DiskId, DiskName: 'mine' }, { account: OTHER_ACCOUNT });
  await cloud.refuses(foreign, 'InvalidDiskId.NotFound', 404);
  await cloud.database.transact(async (transaction) => {
    await updateDisk(transaction, DiskId, { status: 'Creating' });
  });
  await cloud.refuses(() => modify(cloud, { DiskId, DiskName: 'name' }), 'IncorrectDiskStatus', 403);
});

test('permission: ecs:ModifyDiskAttribute on each of the disks', async () => {
  await using cloud = await TestCloud.open();
  const DiskIds = [await cloud.createDisk(), await cloud.createDisk()];
  const accesses = await ModifyDiskAttribute(cloud.parts).access(cloud.callOf({ DiskIds }));
  const resources = DiskIds.map((id) => `acs:ecs:${REGION}:${ACCOUNT}:disk/${id}`);
  assert.deepEqual(
    accesses,
    resources.map((resource) => ({ action: 'ecs:ModifyDiskAttribute', resource })),
  );
});
