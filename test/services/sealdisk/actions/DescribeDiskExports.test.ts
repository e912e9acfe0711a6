import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { DescribeDiskExports } from '../../../../src/services/sealdisk/actions/DescribeDiskExports.ts';
import { ACCOUNT, OTHER_ACCOUNT, refusal, REGION, TestCloud } from '../../ecs/test-cloud.ts';

const describe = async (cloud: TestCloud, input = {}, asker = {}) =>
  (await cloud.call(DescribeDiskExports({ ...cloud.parts, exports: cloud.exports }), input, asker)).Exports?.Export ??
  [];

async function exported(cloud: TestCloud, input = {}, account = ACCOUNT) {
  cloud.clock.now += 1000;
  const diskId = await cloud.createDisk(input, { account });
  const { row, psk } = await cloud.exports.open({ diskId, accountId: account, readOnly: false });
  return { diskId, exportId: row.exportId, row, psk: Buffer.from(psk).toString('hex') };
}

test('an export is shown with everything but its secret', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, exportId, row, psk } = await exported(cloud);
  const listed = await describe(cloud);
  assert.deepEqual(listed, [
    {
      ExportId: exportId,
      DiskId: diskId,
      ExportName: exportId,
      ReadOnly: false,
      Uri: `nbds://${row.pskIdentity}@127.0.0.1:10809/${exportId}`,
      UnixUri: `nbd+unix:///${exportId}?socket=/run/sealdisk/${exportId}.sock`,
      PskIdentity: row.pskIdentity,
      Status: 'Serving',
    },
  ]);
  assert.ok(!JSON.stringify(listed).includes(psk));
});

test('no exports: an empty list', async () => {
  await using cloud = await TestCloud.open();
  assert.deepEqual(await describe(cloud), []);
});

test('filters by disk, disks and export; other accounts and regions are not there', async () => {
  await using cloud = await TestCloud.open();
  const [a, b] = [await exported(cloud), await exported(cloud)];
  await exported(cloud, {}, OTHER_ACCOUNT);
  await exported(cloud, { RegionId: 'cn-beijing', ZoneId: 'cn-beijing-a' });
  const ids = async (input: object) => (await describe(cloud, input)).map(({ ExportId }) => ExportId);
  assert.deepEqual(await ids({}), [a.exportId, b.exportId]);
  assert.deepEqual(await ids({ DiskId: b.diskId }), [b.exportId]);
  assert.deepEqual(await ids({ ExportId: a.exportId }), [a.exportId]);
  assert.deepEqual(await ids({ DiskIds: JSON.stringify([a.diskId]) }), [a.exportId]);
  assert.deepEqual(await ids({ DiskIds: '[]' }), []);
  assert.deepEqual(await ids({ DiskId: a.diskId, ExportId: b.exportId }), []);
  await refusal(describe(cloud, { DiskIds: 'x' }), 'InvalidParameter.DiskIds', 400);
});

test('while the disk server is away its exports are Reopening', async () => {
  await using cloud = await TestCloud.open();
  await exported(cloud);
  cloud.plane.before = () => {
    throw new SystemError('unavailable', 'X', 'gone');
  };
  const [listed] = await describe(cloud);
  assert.equal(listed?.Status, 'Reopening');
  assert.equal(listed.UnixUri, '');
});

test('permission: on the exports of the region', async () => {
  await using cloud = await TestCloud.open();
  const action = DescribeDiskExports({ ...cloud.parts, exports: cloud.exports });
  assert.deepEqual(await action.access(cloud.callOf({})), [
    { action: 'sealdisk:DescribeDiskExports', resource: `acs:sealdisk:${REGION}:${ACCOUNT}:export/*` },
  ]);
});

test('a region that does not exist is refused', async () => {
  await using cloud = await TestCloud.open();
  await refusal(describe(cloud, {}, { region: 'cn-hangzou' }), 'InvalidRegionId.NotFound', 404);
});
