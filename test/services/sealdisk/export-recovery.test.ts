import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../src/base/errors.ts';
import { diskExports, findExportOfDisk } from '../../../src/metadata/exports.ts';
import { openPsk } from '../../../src/services/sealdisk/export-identity.ts';
import { ACCOUNT, never, REGION, TestCloud } from '../ecs/test-cloud.ts';

const SCOPE = { accountId: ACCOUNT, regionId: REGION };

async function exported(cloud: TestCloud, input = {}) {
  const diskId = await cloud.createDisk(input);
  const { row, psk } = await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  return { diskId, row, psk };
}

const statusOf = async (cloud: TestCloud, diskId: string) =>
  (await cloud.exports.list(SCOPE)).find(({ row }) => row.diskId === diskId)?.status;

test('after a crash of the disk server exports come back with the same id, name, identity and secret', async () => {
  await using cloud = await TestCloud.ready();
  const made = [await exported(cloud, { Encrypted: true }), await exported(cloud), await exported(cloud)];
  cloud.plane.crash();
  for (const { diskId } of made) assert.equal(await statusOf(cloud, diskId), 'Reopening');
  await cloud.exports.reopenAll();
  for (const { diskId, row, psk } of made) {
    assert.equal(await statusOf(cloud, diskId), 'Serving');
    const request = cloud.plane.request(row.exportId);
    assert.equal(request?.name, row.name);
    assert.equal(request.pskIdentity, row.pskIdentity);
    assert.deepEqual(Buffer.from(request.psk), Buffer.from(psk));
    assert.ok(!('expectClean' in request));
  }
});

test('a restarted control plane adopts what serves, without asking for a key', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { diskId, row } = await exported(cloud, { Encrypted: true, KMSKeyId: keyId });
  await cloud.disableKey(keyId);
  cloud.restartControlPlane();
  await cloud.exports.reopenAll();
  assert.equal(await statusOf(cloud, diskId), 'Serving');
  assert.deepEqual(
    (await cloud.plane.listExports()).map(({ exportId }) => exportId),
    [row.exportId],
  );
});

test('after a reboot with the disk open, its export has a new id, name, identity and secret, and it is logged', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, row, psk } = await exported(cloud);
  cloud.plane.crash();
  cloud.bootId = 'boot-2';
  cloud.restartControlPlane();
  await cloud.exports.reopenAll();
  const renamed = await findExportOfDisk(cloud.database.read, diskId);
  assert.ok(renamed !== undefined);
  assert.equal(renamed.status, 'Serving');
  assert.equal(renamed.bootId, 'boot-2');
  assert.notEqual(renamed.exportId, row.exportId);
  assert.notEqual(renamed.name, row.name);
  assert.notEqual(renamed.pskIdentity, row.pskIdentity);
  assert.notDeepEqual(Buffer.from(openPsk(cloud.parts.sealer, renamed)), Buffer.from(psk));
  assert.deepEqual(
    (await cloud.plane.listExports()).map(({ exportId }) => exportId),
    [renamed.exportId],
  );
  assert.ok(cloud.events.some(({ message }) => message.includes('new identity')));
  await cloud.exports.close(renamed.exportId, { accountId: ACCOUNT, force: false });
});

test('after a reboot a disk that was closed in order keeps its identity', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, row } = await exported(cloud);
  // The disk server was stopped in order: it closed its disks, the rows stay.
  await cloud.plane.closeExport(row.exportId);
  cloud.bootId = 'boot-2';
  cloud.restartControlPlane();
  await cloud.exports.reopenAll();
  assert.equal((await findExportOfDisk(cloud.database.read, diskId))?.exportId, row.exportId);
  assert.equal(await statusOf(cloud, diskId), 'Serving');
  // From now on it counts as opened in this boot.
  cloud.plane.crash();
  await cloud.exports.reopenAll();
  assert.equal((await findExportOfDisk(cloud.database.read, diskId))?.exportId, row.exportId);
});

test('an export whose new identity cannot be opened at once is tried again under that identity', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, row } = await exported(cloud);
  cloud.plane.crash();
  cloud.bootId = 'boot-2';
  cloud.plane.before = (method, ids) => {
    if (method === 'openExport' && ids[1] !== row.exportId) throw new SystemError('unavailable', 'X', 'gone');
  };
  await cloud.exports.reopenAll();
  const renamed = await findExportOfDisk(cloud.database.read, diskId);
  assert.equal(await statusOf(cloud, diskId), 'Reopening');
  cloud.plane.before = () => {};
  cloud.clock.now += 2_000;
  await cloud.exports.retryDue();
  assert.equal(await statusOf(cloud, diskId), 'Serving');
  assert.equal((await findExportOfDisk(cloud.database.read, diskId))?.exportId, renamed?.exportId);
});

test('M10: with the key disabled an export waits as KeyUnavailable and opens by itself when the key works again', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { diskId, row } = await exported(cloud, { Encrypted: true, KMSKeyId: keyId });
  const other = await exported(cloud);
  await cloud.disableKey(keyId);
  cloud.plane.crash();
  await cloud.exports.reopenAll();
  assert.equal(await statusOf(cloud, diskId), 'KeyUnavailable');
  assert.equal(await statusOf(cloud, other.diskId), 'Serving');
  cloud.clock.now += 6_000;
  await cloud.exports.retryDue();
  assert.equal(await statusOf(cloud, diskId), 'KeyUnavailable');
  await cloud.enableKey(keyId);
  await cloud.exports.retryDue();
  assert.equal(await statusOf(cloud, diskId), 'KeyUnavailable', 'not before it is due');
  cloud.clock.now += 6_000;
  await cloud.exports.retryDue();
  assert.equal(await statusOf(cloud, diskId), 'Serving');
  assert.ok(cloud.plane.request(row.exportId));
});

test('a change of keys can be told, so that nobody waits', async () => {
  await using cloud = await TestCloud.ready();
  const keyId = await cloud.createKey();
  const { diskId } = await exported(cloud, { Encrypted: true, KMSKeyId: keyId });
  await cloud.removeDiskRole();
  cloud.plane.crash();
  await cloud.exports.reopenAll();
  assert.equal(await statusOf(cloud, diskId), 'KeyUnavailable');
  await cloud.allowDiskRole();
  await cloud.exports.retryKeys();
  assert.equal(await statusOf(cloud, diskId), 'Serving');
});

test('a damaged disk is quarantined with its reason in the log, tried ever more rarely, and harms no other', async () => {
  await using cloud = await TestCloud.open();
  const [bad, good] = [await exported(cloud), await exported(cloud)];
  let attempts = 0;
  cloud.plane.before = (method, ids) => {
    if (method !== 'openExport' || ids[0] !== bad.diskId) return;
    attempts += 1;
    throw new SystemError('corrupt', 'HEAD_CORRUPT', 'both heads are damaged');
  };
  cloud.plane.crash();
  await cloud.exports.reopenAll();
  assert.equal(await statusOf(cloud, bad.diskId), 'Quarantined');
  assert.equal(await statusOf(cloud, good.diskId), 'Serving');
  assert.ok(cloud.events.some(({ fields }) => 'reason' in fields && fields.reason === 'both heads are damaged'));
  for (const [waitMs, expected] of [
    [59_000, 1],
    [2_000, 2],
    [61_000, 2],
    [60_000, 3],
  ] as const) {
    cloud.clock.now += waitMs;
    await cloud.exports.retryDue();
    assert.equal(attempts, expected);
  }
  cloud.plane.before = () => {};
  cloud.clock.now += 3_600_000;
  await cloud.exports.retryDue();
  assert.equal(await statusOf(cloud, bad.diskId), 'Serving');
});

test('a disk that brings the disk server down each time is left alone after three times, the others come back', async () => {
  await using cloud = await TestCloud.open();
  const made = [];
  for (let n = 0; n < 6; n++) made.push(await exported(cloud));
  const killer = made[2]?.diskId;
  let deaths = 0;
  cloud.plane.before = (method, ids) => {
    if (method !== 'openExport' || ids[0] !== killer) return;
    deaths += 1;
    cloud.plane.crash();
    throw new SystemError('unavailable', 'DISK_SERVER_GONE', 'the disk server ended');
  };
  cloud.plane.crash();
  // The supervisor starts the disk server again and says so each time.
  for (let n = 0; n < 4; n++) await cloud.exports.reopenAll();
  assert.equal(deaths, 3);
  for (const { diskId } of made) {
    assert.equal(await statusOf(cloud, diskId), diskId === killer ? 'Quarantined' : 'Serving', diskId);
  }
});

test('a disk server that is gone for long makes nobody a suspect', async () => {
  await using cloud = await TestCloud.open();
  const made = [await exported(cloud), await exported(cloud)];
  cloud.plane.crash();
  cloud.plane.before = () => {
    throw new SystemError('unavailable', 'DISK_SERVER_GONE', 'the disk server is being restarted');
  };
  for (let n = 0; n < 5; n++) {
    await assert.rejects(cloud.exports.reopenAll(), { kind: 'unavailable' });
    cloud.clock.now += 60_000;
    await cloud.exports.retryDue();
  }
  cloud.plane.before = () => {};
  await cloud.exports.retryDue();
  for (const { diskId } of made) assert.equal(await statusOf(cloud, diskId), 'Serving');
});

test('retries do not pile up while the disk server is slow', async () => {
  await using cloud = await TestCloud.open();
  const { diskId } = await exported(cloud);
  cloud.plane.crash();
  let asked = 0;
  let answer: () => void = () => {};
  cloud.plane.before = async (method) => {
    if (method !== 'listExports') return;
    asked += 1;
    await new Promise<void>((resolve) => (answer = resolve));
  };
  const reopening = cloud.exports.reopenAll();
  const retries = [cloud.exports.retryDue(), cloud.exports.retryDue(), cloud.exports.retryDue()];
  while (asked === 0) await new Promise((resolve) => setImmediate(resolve));
  cloud.plane.before = () => {};
  answer();
  await Promise.all([reopening, ...retries]);
  assert.equal(asked, 1);
  assert.equal(await statusOf(cloud, diskId), 'Serving');
});

test('files that were put back are quarantined, not served', async () => {
  await using cloud = await TestCloud.open();
  const { diskId } = await exported(cloud);
  cloud.plane.crash();
  cloud.plane.rollBack(diskId);
  await cloud.exports.reopenAll();
  assert.equal(await statusOf(cloud, diskId), 'Quarantined');
});

test('an export row that was edited does not hide the others', async () => {
  await using cloud = await TestCloud.open();
  const [bad, good] = [await exported(cloud), await exported(cloud)];
  await cloud.database.transact(async (transaction) => {
    await transaction.queries
      .updateTable('exports')
      .set({ pskIdentity: 'mine-now' })
      .where('exportId', '=', bad.row.exportId)
      .execute();
  });
  cloud.plane.crash();
  await cloud.exports.reopenAll();
  assert.ok(cloud.plane.request(good.row.exportId));
  assert.equal(cloud.plane.request(bad.row.exportId), undefined);
});

test('an export that failed while the disk server was silent is taken back when it answers again', async () => {
  await using cloud = await TestCloud.open();
  const diskId = await cloud.createDisk();
  cloud.plane.before = () => {
    throw new SystemError('unavailable', 'X', 'silent for 8 s');
  };
  await assert.rejects(cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false }), { kind: 'unavailable' });
  for (let second = 0; second < 3; second += 1) {
    cloud.clock.now += 30_000;
    await cloud.exports.retryDue();
    assert.equal((await cloud.disk(diskId)).status, 'In_use', 'the disk server may have it open');
  }
  cloud.plane.before = () => {};
  cloud.clock.now += 30_000;
  await cloud.exports.retryDue();
  assert.equal((await cloud.disk(diskId)).status, 'Available');
  await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
});

test('an export that was closed after its UnexportDisk had been given up is served again', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, row } = await exported(cloud);
  cloud.plane.after = (method) => {
    if (method === 'closeExport') throw new SystemError('unavailable', 'X', 'silent for 8 s');
  };
  await assert.rejects(cloud.exports.close(row.exportId, { accountId: ACCOUNT, force: false }), {
    kind: 'unavailable',
  });
  cloud.plane.after = () => {};
  assert.equal(await statusOf(cloud, diskId), 'Reopening');
  cloud.clock.now += 2_000;
  await cloud.exports.retryDue();
  assert.equal(await statusOf(cloud, diskId), 'Serving');
  assert.ok(cloud.plane.request(row.exportId));
});

test('an export that the control plane did not live to tell of is taken back', async () => {
  for (const when of ['before', 'after'] as const) {
    await using cloud = await TestCloud.open();
    const diskId = await cloud.createDisk();
    let reached: () => void = () => {};
    const reachedOpening = new Promise<void>((resolve) => (reached = resolve));
    cloud.plane[when] = (method) => {
      if (method !== 'openExport') return;
      reached();
      return never();
    };
    void cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
    await reachedOpening;
    cloud.plane[when] = () => {};
    cloud.restartControlPlane();
    await cloud.exports.reopenAll();
    const disk = await cloud.disk(diskId);
    assert.equal(disk.status, 'Available');
    assert.equal(disk.everAttached, false);
    assert.deepEqual(await cloud.plane.listExports(), []);
    assert.deepEqual(await diskExports.findAll(cloud.database.read, {}), []);
    await cloud.exports.open({ diskId, accountId: ACCOUNT, readOnly: false });
  }
});

test('an unexport that the control plane did not live to finish leaves an export that can be closed', async () => {
  await using cloud = await TestCloud.open();
  const { diskId, row } = await exported(cloud);
  let reached: () => void = () => {};
  const reachedClosing = new Promise<void>((resolve) => (reached = resolve));
  cloud.plane.after = (method) => {
    if (method !== 'closeExport') return;
    reached();
    return never();
  };
  void cloud.exports.close(row.exportId, { accountId: ACCOUNT, force: false });
  await reachedClosing;
  cloud.plane.after = () => {};
  cloud.restartControlPlane();
  await cloud.exports.reopenAll();
  assert.equal(await statusOf(cloud, diskId), 'Serving');
  await cloud.exports.close(row.exportId, { accountId: ACCOUNT, force: false });
  assert.equal((await cloud.disk(diskId)).status, 'Available');
});

test('an export in the disk server that nobody owns is closed', async () => {
  await using cloud = await TestCloud.open();
  const { row } = await exported(cloud);
  await cloud.database.transact((transaction) => diskExports.delete(transaction, { exportId: row.exportId }));
  await cloud.exports.reopenAll();
  assert.deepEqual(await cloud.plane.listExports(), []);
});
