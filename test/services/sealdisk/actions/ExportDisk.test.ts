import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { updateDisk } from '../../../../src/metadata/disks.ts';
import { findExport } from '../../../../src/metadata/exports.ts';
import { DeleteDisk } from '../../../../src/services/ecs/actions/DeleteDisk.ts';
import { ExportDisk } from '../../../../src/services/sealdisk/actions/ExportDisk.ts';
import { openPsk } from '../../../../src/services/sealdisk/export-identity.ts';
import { ACCOUNT, OTHER_ACCOUNT, REGION, TestCloud } from '../../ecs/test-cloud.ts';

const exportDisk = (cloud: TestCloud, DiskId: string, more = {}, asker = {}) =>
  cloud.call(ExportDisk({ ...cloud.parts, exports: cloud.exports }), { DiskId, ...more }, asker);

test('exporting opens the disk, puts it In_use, and tells how to reach it', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk({ Encrypted: true });
  const { ExportId = '', PskIdentity = '', Psk = '', ...rest } = await exportDisk(cloud, diskId);
  assert.match(ExportId, /^e-bp1[a-z0-9]{17}$/);
  assert.match(PskIdentity, /^[A-Za-z0-9._-]+$/);
  assert.match(Psk, /^[0-9a-f]{64}$/);
  assert.deepEqual(rest, {
    DiskId: diskId,
    ExportName: ExportId,
    ReadOnly: false,
    Uri: `nbds://${PskIdentity}@127.0.0.1:10809/${ExportId}`,
    UnixUri: `nbd+unix:///${ExportId}?socket=/run/sealdisk/${ExportId}.sock`,
  });
  const disk = await cloud.disk(diskId);
  assert.equal(disk.status, 'In_use');
  assert.equal(disk.everAttached, true);
  assert.equal(disk.attachedMs, cloud.clock.now);
  const request = cloud.plane.request(ExportId);
  assert.equal(Buffer.from(request?.psk ?? []).toString('hex'), Psk);
  assert.equal(request?.readOnly, false);
  const row = await findExport(cloud.database.read, ExportId);
  assert.ok(row !== undefined);
  assert.equal(row.status, 'Serving');
  assert.equal(row.bootId, 'boot-1');
});

test('the secret is stored sealed only, and differs for every export', async () => {
  await using cloud = await TestCloud.open();
  const secrets = new Set<string | undefined>();
  for (const _ of [1, 2, 3]) {
    const { ExportId = '', Psk = '' } = await exportDisk(cloud, await cloud.createDisk());
    const row = await findExport(cloud.database.read, ExportId);
    assert.ok(row !== undefined);
    assert.ok(!Buffer.from(row.pskSealed).includes(Buffer.from(Psk, 'hex')));
    assert.equal(Buffer.from(openPsk(cloud.parts.sealer, row)).toString('hex'), Psk);
    assert.throws(() => openPsk(cloud.parts.sealer, { ...row, exportId: 'e-other' }));
    secrets.add(Psk);
  }
  assert.equal(secrets.size, 3);
  assert.ok(!JSON.stringify(cloud.events).includes([...secrets][0] ?? '?'), 'nor in the log');
});

test('a read-only export is In_use too', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const { ExportId = '', ReadOnly } = (await exportDisk(cloud, diskId, { ReadOnly: true })) as {
    ExportId?: string;
    ReadOnly?: boolean;
  };
  assert.equal(ReadOnly, true);
  assert.equal(cloud.plane.request(ExportId)?.readOnly, true);
  assert.equal((await cloud.disk(diskId)).status, 'In_use');
});

test('a disk that is exported or attached is refused, naming the export or the instance', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const { ExportId = '' } = await exportDisk(cloud, diskId);
  const exported = await cloud.refuses(() => exportDisk(cloud, diskId), 'IncorrectDiskStatus', 403);
  assert.match(exported.message, new RegExp(ExportId));
  await cloud.refuses(() => cloud.call(DeleteDisk(cloud.parts), { DiskId: diskId }), 'IncorrectDiskStatus', 403);
  const attached = await cloud.createDisk();
  await cloud.database.transact((transaction) =>
    updateDisk(transaction, attached, { status: 'In_use', instanceId: 'i-42' }),
  );
  const refused = await cloud.refuses(() => exportDisk(cloud, attached), 'IncorrectDiskStatus', 403);
  assert.match(refused.message, /i-42/);
});

test('of two exports of a disk at the same time one wins', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const results = await Promise.allSettled([exportDisk(cloud, diskId), exportDisk(cloud, diskId)]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal((await cloud.plane.listExports()).length, 1);
});

test('unknown disks and those of other accounts look the same', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  const foreign = await cloud.refuses(
    () => exportDisk(cloud, diskId, {}, { account: OTHER_ACCOUNT }),
    'InvalidDiskId.NotFound',
    404,
  );
  const unknown = await cloud.refuses(() => exportDisk(cloud, 'd-x'), 'InvalidDiskId.NotFound', 404);
  assert.equal(foreign.message.replace(diskId, 'd-x'), unknown.message);
});

test('M10: each state of the key has the code of AttachDisk, and a key that is enabled again brings the data back', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const diskId = await cloud.createDisk({ Encrypted: true, KMSKeyId: keyId });
  await cloud.useDisk(diskId, 'precious');
  const attempt = () => exportDisk(cloud, diskId);
  await cloud.disableKey(keyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.enableKey(keyId);
  const { ExportId = '' } = await attempt();
  assert.equal(cloud.plane.content(diskId), 'precious');
  await cloud.exports.close(ExportId, { accountId: ACCOUNT, force: false });
  await cloud.scheduleKeyDeletion(keyId);
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403);
  await cloud.kms.keys.cancelDeletion({ accountId: ACCOUNT, regionId: REGION }, keyId);
  await cloud.removeDiskRole();
  await cloud.refuses(attempt, 'InvalidParameter.KMSKeyId.KMSUnauthorized', 403);
  await cloud.allowDiskRole();
  await cloud.destroyKey(keyId);
  await cloud.refuses(attempt, 'InvalidKMSKeyId.NotFound', 404);
});

for (const [kind, code, httpStatus] of [
  ['unavailable', 'ServiceUnavailable', 503],
  ['corrupt', 'DiskError', 403],
  ['rolled-back', 'DiskError', 403],
  ['conflict', 'IncorrectDiskStatus', 403],
  ['no-space', 'OperationDenied', 403],
] as const) {
  for (const when of ['before', 'after'] as const) {
    test(`the disk server says ${kind} ${when} it opened the disk: ${code}, and the disk is Available`, async () => {
      await using cloud = await TestCloud.open();
      const diskId = await cloud.createDisk();
      const asked: string[] = [];
      cloud.plane[when] = (method) => {
        asked.push(method);
        if (method === 'openExport') throw new SystemError(kind, 'X', 'no');
      };
      const error = await exportDisk(cloud, diskId).then(
        () => assert.fail('it was exported'),
        (thrown: unknown) => thrown as { code: string; httpStatus: number },
      );
      assert.deepEqual([error.code, error.httpStatus], [code, httpStatus]);
      if (kind === 'unavailable') {
        assert.deepEqual(asked, ['openExport'], 'a disk server that does not answer is waited for once');
        cloud.clock.now += 2_000;
        await cloud.exports.retryDue();
      }
      assert.equal((await cloud.disk(diskId)).status, 'Available');
      cloud.plane[when] = () => {};
      assert.deepEqual(await cloud.plane.listExports(), []);
      await exportDisk(cloud, diskId);
    });
  }
}

test('files that are older than the stored pin are refused', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  await cloud.useDisk(diskId);
  cloud.plane.rollBack(diskId);
  await cloud.refuses(() => exportDisk(cloud, diskId), 'DiskError', 403);
});

test('permission: sealdisk:ExportDisk on the ECS disk, in the region where it was made', async () => {
  await using cloud = await TestCloud.open();
  const action = ExportDisk({ ...cloud.parts, exports: cloud.exports });
  assert.deepEqual(await action.access(cloud.callOf({ DiskId: 'd-2ze12345678901234567' })), [
    { action: 'sealdisk:ExportDisk', resource: `acs:ecs:cn-beijing:${ACCOUNT}:disk/d-2ze12345678901234567` },
  ]);
});
