import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../../../src/base/errors.ts';
import { decodeHeader } from '../../../../src/stream/stream-header.ts';
import { StartSnapshotSend } from '../../../../src/services/sealdisk/actions/StartSnapshotSend.ts';
import { ACCOUNT, OTHER_ACCOUNT, TestCloud } from '../../ecs/test-cloud.ts';
import { describe, nextSnapshot, snapshotOf, startSend } from '../transfer-steps.ts';

test('a snapshot is offered under a name and secret of its own, its key under the key of its disk', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const answer = await startSend(cloud, snapshotId);
  assert.match(answer.TransferId ?? '', /^t-/);
  assert.match(answer.Psk ?? '', /^[0-9a-f]{64}$/);
  assert.ok(answer.UnixUri?.includes(answer.ExportName ?? '-'));
  const stream = cloud.plane.transfers.stream(answer.TransferId ?? '');
  assert.equal(stream.length, answer.StreamBytes);
  const header = decodeHeader(stream.subarray(0, 4096));
  assert.equal(header.diskId, diskId);
  assert.equal(header.key.by === 'kms' && header.key.kmsKeyId, (await cloud.snapshot(snapshotId)).kmsKeyId);
  assert.deepEqual(
    (await describe(cloud)).map(({ Kind, Status, SnapshotId, ErrorCode }) => ({ Kind, Status, SnapshotId, ErrorCode })),
    [{ Kind: 'Send', Status: 'Open', SnapshotId: snapshotId, ErrorCode: '' }],
  );
});

test('a transfer that is gone on with has the same bytes, also after the disk server was restarted', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const first = await startSend(cloud, snapshotId, { Passphrase: 'correct horse battery' });
  const id = first.TransferId ?? '';
  const stream = cloud.plane.transfers.stream(id);
  cloud.plane.crash();
  cloud.restartControlPlane();
  const wrong = () => startSend(cloud, snapshotId, { TransferId: id, Passphrase: 'wrong horse battery' });
  await cloud.refuses(wrong, 'InvalidStream.WrongKey', 403);
  const none = () => startSend(cloud, snapshotId, { TransferId: id });
  await cloud.refuses(none, 'MissingParameter', 400);
  const again = await startSend(cloud, snapshotId, { TransferId: id, Passphrase: 'correct horse battery' });
  assert.equal(again.Psk, first.Psk);
  assert.deepEqual(cloud.plane.transfers.stream(id), stream);
});

test('an offer that failed leaves no transfer, and what the disk server opened all the same is closed', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  cloud.plane.before = (method) => {
    if (method === 'closeTransfer') throw new SystemError('unavailable', 'DISK_SERVER_HUNG', 'hung');
  };
  cloud.plane.after = (method) => {
    if (method === 'openSend') throw new SystemError('unavailable', 'DISK_SERVER_HUNG', 'hung');
  };
  await cloud.refuses(() => startSend(cloud, snapshotId), 'ServiceUnavailable', 503);
  assert.deepEqual(await describe(cloud), []);
  assert.equal(cloud.plane.transfers.listTransfers().length, 1);
  cloud.plane.before = () => {};
  cloud.plane.after = () => {};
  await cloud.transfers.settle();
  assert.deepEqual(cloud.plane.transfers.listTransfers(), []);
});

test('a key of another suite seals the stream with that suite', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const answer = await startSend(cloud, snapshotId, { KeyId: await cloud.createKey('Aliyun_SM4') });
  const header = decodeHeader(cloud.plane.transfers.stream(answer.TransferId ?? '').subarray(0, 4096));
  assert.equal(header.suite, 'sm4-gcm');
});

test('a disabled key stops the stream: the key of the snapshot as well as that of the stream', async () => {
  await using cloud = await TestCloud.ready();
  const [diskKey, streamKey] = [await cloud.createKey(), await cloud.createKey()];
  const { snapshotId } = await snapshotOf(cloud, 'one', diskKey);
  const { TransferId } = await startSend(cloud, snapshotId, { KeyId: streamKey });
  const code = 'InvalidParameter.KMSKeyId.CMKNotEnabled';
  await cloud.disableKey(streamKey);
  await cloud.refuses(() => startSend(cloud, snapshotId, { KeyId: streamKey }), code, 403);
  await cloud.refuses(() => startSend(cloud, snapshotId, { TransferId }), code, 403);
  await cloud.enableKey(streamKey);
  await cloud.disableKey(diskKey);
  await cloud.refuses(() => startSend(cloud, snapshotId, { KeyId: streamKey }), code, 403);
});

test('a disk without a KMS key needs one for the stream, or a passphrase that is long enough', async () => {
  await using cloud = await TestCloud.ready();
  const diskId = await cloud.createDisk();
  const snapshotId = await nextSnapshot(cloud, diskId, 'one');
  await cloud.refuses(() => startSend(cloud, snapshotId), 'MissingParameter', 400);
  await cloud.refuses(() => startSend(cloud, snapshotId, { Passphrase: 'short' }), 'InvalidParameter.Passphrase', 400);
  const both = { Passphrase: 'correct horse battery', KeyId: await cloud.createKey() };
  await cloud.refuses(() => startSend(cloud, snapshotId, both), 'InvalidParameter.Passphrase', 400);
  await startSend(cloud, snapshotId, { Passphrase: 'correct horse battery' });
});

test('the base is an earlier snapshot of the same disk', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId, diskId } = await snapshotOf(cloud, 'one');
  const later = await nextSnapshot(cloud, diskId, 'two');
  const other = await snapshotOf(cloud, 'other');
  const refused = (BaseSnapshotId: string) => () => startSend(cloud, snapshotId, { BaseSnapshotId });
  await cloud.refuses(refused(later), 'InvalidBaseSnapshotId', 400);
  await cloud.refuses(refused(other.snapshotId), 'InvalidBaseSnapshotId', 400);
  await cloud.refuses(refused('s-none'), 'InvalidSnapshotId.NotFound', 404);
  const { TransferId = '' } = await startSend(cloud, later, { BaseSnapshotId: snapshotId });
  const header = decodeHeader(cloud.plane.transfers.stream(TransferId).subarray(0, 4096));
  assert.equal(header.base?.snapshotId, snapshotId);
});

test('snapshots and transfers of others are unknown, and a transfer keeps its snapshot and key', async () => {
  await using cloud = await TestCloud.ready();
  const { snapshotId } = await snapshotOf(cloud, 'one');
  const { snapshotId: other } = await snapshotOf(cloud, 'two');
  const { TransferId } = await startSend(cloud, snapshotId);
  const foreign = { account: OTHER_ACCOUNT };
  await cloud.refuses(() => startSend(cloud, snapshotId, {}, foreign), 'InvalidSnapshotId.NotFound', 404);
  await cloud.refuses(() => startSend(cloud, snapshotId, { TransferId }, foreign), 'InvalidTransferId.NotFound', 404);
  await cloud.refuses(() => startSend(cloud, other, { TransferId }), 'InvalidTransferId.NotFound', 404);
  const KeyId = await cloud.createKey();
  await cloud.refuses(() => startSend(cloud, snapshotId, { TransferId, KeyId }), 'InvalidParameter.TransferId', 400);
});

test('permission: sealdisk:StartSnapshotSend on both snapshots', async () => {
  await using cloud = await TestCloud.open();
  const action = StartSnapshotSend({ transfers: cloud.transfers, dataPlane: cloud.plane });
  const [SnapshotId, BaseSnapshotId] = ['s-2ze12345678901234567', 's-bp112345678901234567'];
  assert.deepEqual(await action.access(cloud.callOf({ SnapshotId, BaseSnapshotId })), [
    {
      action: 'sealdisk:StartSnapshotSend',
      resource: `acs:ecs:cn-beijing:${ACCOUNT}:snapshot/${SnapshotId}`,
    },
    {
      action: 'sealdisk:StartSnapshotSend',
      resource: `acs:ecs:cn-hangzhou:${ACCOUNT}:snapshot/${BaseSnapshotId}`,
    },
  ]);
});
