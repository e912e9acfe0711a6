import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { findExport } from '../../../../src/metadata/exports.ts';
import { UnexportDisk } from '../../../../src/services/sealdisk/actions/UnexportDisk.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';

const unexport = (cloud: TestCloud, ExportId: string, more = {}, asker = {}) =>
  cloud.call(UnexportDisk({ ...cloud.parts, exports: cloud.exports }), { ExportId, ...more }, asker);

async function exported(cloud: TestCloud, input = {}): Promise<{ diskId: string; exportId: string }> {
  const diskId = await cloud.createDisk(input);
  const { row } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  return { diskId, exportId: row.exportId };
}

test('unexporting closes the disk, stores its pin, and makes it Available', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, exportId } = await exported(cloud);
  const before = (await cloud.disk(diskId)).pin?.sequence ?? 0;
  assert.deepEqual(await unexport(cloud, exportId), {});
  const disk = await cloud.disk(diskId);
  assert.equal(disk.status, 'Available');
  assert.equal(disk.detachedMs, cloud.clock.now);
  assert.ok((disk.pin?.sequence ?? 0) > before);
  assert.equal(await findExport(cloud.database.read, exportId), undefined);
  assert.deepEqual(await cloud.plane.listExports(), []);
});

test('M10: unexporting needs no key', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { diskId, exportId } = await exported(cloud, { Encrypted: true, KMSKeyId: keyId });
  await cloud.destroyKey(keyId);
  await unexport(cloud, exportId);
  assert.equal((await cloud.disk(diskId)).status, 'Available');
});

test('unknown exports and those of other accounts look the same', async () => {
  await using cloud = await TestCloud.open();
  const { exportId } = await exported(cloud);
  const foreign = await cloud.refuses(
    () => unexport(cloud, exportId, {}, { account: OTHER_ACCOUNT }),
    'InvalidExportId.NotFound',
    404,
  );
  const unknown = await cloud.refuses(() => unexport(cloud, 'e-x'), 'InvalidExportId.NotFound', 404);
  assert.equal(foreign.message.replace(exportId, 'e-x'), unknown.message);
});

test('a flush that fails keeps the export and says so', async () => {
  await using cloud = await TestCloud.open();
  const { exportId } = await exported(cloud);
  cloud.plane.before = (method) => {
    if (method === 'closeExport') throw new SystemError('no-space', 'ENOSPC', 'the store is full');
  };
  const error = await cloud.refuses(() => unexport(cloud, exportId), 'ExportFlushFailed', 409);
  assert.match(error.message, /Force=true/);
  cloud.plane.before = () => {};
  await unexport(cloud, exportId, { Force: true });
});

test('Force reaches the disk server', async () => {
  await using cloud = await TestCloud.open();
  const { exportId } = await exported(cloud);
  const forced: boolean[] = [];
  const closeExport = cloud.plane.closeExport.bind(cloud.plane);
  cloud.plane.closeExport = (id: string, options?: { readonly force: boolean }) => {
    forced.push(options?.force ?? false);
    return closeExport(id);
  };
  await unexport(cloud, exportId, { Force: true });
  assert.deepEqual(forced, [true]);
});

test('a disk server that does not answer: 503, and the export stays', async () => {
  await using cloud = await TestCloud.open();
  const { exportId } = await exported(cloud);
  cloud.plane.before = (method) => {
    if (method === 'closeExport') throw new SystemError('unavailable', 'X', 'gone');
  };
  await assert.rejects(unexport(cloud, exportId), { code: 'ServiceUnavailable', httpStatus: 503 });
  cloud.plane.before = () => {};
  assert.ok(await findExport(cloud.database.read, exportId));
});

test('an export that is not served can be given up', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { diskId, exportId } = await exported(cloud, { Encrypted: true, KMSKeyId: keyId });
  await cloud.disableKey(keyId);
  cloud.plane.crash();
  await cloud.exports.reopenAll();
  await unexport(cloud, exportId);
  assert.equal((await cloud.disk(diskId)).status, 'Available');
});

test('permission: sealdisk:UnexportDisk on the export, in the region where it was made', async () => {
  await using cloud = await TestCloud.open();
  const action = UnexportDisk({ ...cloud.parts, exports: cloud.exports });
  assert.deepEqual(await action.access(cloud.callOf({ ExportId: 'e-2ze12345678901234567' })), [
    {
      action: 'sealdisk:UnexportDisk',
      resource: `acs:sealdisk:cn-beijing:${ACCOUNT}:export/e-2ze12345678901234567`,
    },
  ]);
});
