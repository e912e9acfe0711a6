import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { isKind, SystemError } from '../../src/base/errors.ts';
import type { DataPlane, Pin } from '../../src/dataplane/data-plane.ts';
import type { ApplyStream, OpenReceive, OpenSend, TransferInfo } from '../../src/dataplane/transfers.ts';
import { decodeHeader, STREAM_HEADER_BYTES } from '../../src/stream/stream-header.ts';
import { dataKey, identity, request } from './plane-under-test.ts';
import type { DataPlaneUnderTest } from './plane-under-test.ts';

type Promised = (title: string, body: (plane: DataPlane, subject: DataPlaneUnderTest) => Promise<void>) => void;

/** What every DataPlane promises about streams. */
export function transferPromises(promise: Promised): void {
  promise('a snapshot sent as a stream and received is the same disk under another key', async (plane, subject) => {
    await diskWithSnapshots(plane, subject, [3]);
    const stream = await subject.readStream(await plane.openSend(send('t-out', 's-0')));
    await receiveWhole(plane, subject, 't-in', stream);
    const applied = await applyToTheEnd(plane, apply('t-in', { suite: 'sm4-gcm' }));
    assert.equal(applied.state, 'applied');
    assert.equal(await contentOf(plane, subject, 'd-copy', applied.pin, 'sm4-gcm'), 3);
    await plane.closeTransfer('t-in', { discard: true });
    assert.deepEqual(
      (await plane.listTransfers()).map(({ transferId }) => transferId),
      ['t-out'],
    );
    await plane.closeTransfer('t-out', { discard: true });
    await plane.closeTransfer('t-out', { discard: true });
  });

  promise('what changed between two snapshots brings a received disk from one to the other', async (plane, subject) => {
    await diskWithSnapshots(plane, subject, [3, 4]);
    const full = await subject.readStream(await plane.openSend(send('t-full', 's-0')));
    const rest = await subject.readStream(await plane.openSend(send('t-rest', 's-1', 's-0')));
    const headers = [full, rest].map((stream) => decodeHeader(stream.subarray(0, STREAM_HEADER_BYTES)));
    assert.deepEqual(headers[1]?.base, headers[0]?.state, 'a stream names its base as the stream before named it');
    assert.equal(headers[0]?.base, undefined);
    await receiveWhole(plane, subject, 't-one', full);
    const { pin } = await applyToTheEnd(plane, apply('t-one'));
    await receiveWhole(plane, subject, 't-two', rest);
    const second = { pin, snapshotId: 's-copy1', baseSnapshotId: 's-copy' };
    const applied = await applyToTheEnd(plane, apply('t-two', second));
    assert.equal(applied.state, 'applied');
    assert.equal(await contentOf(plane, subject, 'd-copy', applied.pin), 4);
  });

  promise(
    'a disk that was written to since is not changed by a stream that goes on from before',
    async (plane, subject) => {
      await diskWithSnapshots(plane, subject, [3, 4]);
      await receiveWhole(
        plane,
        subject,
        't-one',
        await subject.readStream(await plane.openSend(send('t-full', 's-0'))),
      );
      await applyToTheEnd(plane, apply('t-one'));
      await subject.write(await plane.openExport(request('d-copy', 9)), 8);
      const pin = await plane.closeExport('e-d-copy', { force: false });
      const rest = await subject.readStream(await plane.openSend(send('t-rest', 's-1', 's-0')));
      await receiveWhole(plane, subject, 't-two', rest);
      const failed = await applyToTheEnd(
        plane,
        apply('t-two', { pin, snapshotId: 's-copy1', baseSnapshotId: 's-copy' }),
      );
      assert.equal(failed.state, 'failed');
      assert.equal(failed.error?.kind, 'conflict');
      assert.equal(await contentOf(plane, subject, 'd-copy', pin), 8);
    },
  );

  promise('a stream that was changed on its way is not applied', async (plane, subject) => {
    await diskWithSnapshots(plane, subject, [3]);
    const stream = await subject.readStream(await plane.openSend(send('t-out', 's-0')));
    stream[5_000] = (stream[5_000] ?? 0) ^ 1;
    await receiveWhole(plane, subject, 't-in', stream);
    const failed = await applyToTheEnd(plane, apply('t-in'));
    assert.equal(failed.state, 'failed');
    assert.equal(failed.error?.kind, 'corrupt');
    await assert.rejects(plane.openExport(request('d-copy', 9)), (error) => isKind(error, 'not-found'));
  });

  promise('a stream of which a part is missing is not applied', async (plane, subject) => {
    await diskWithSnapshots(plane, subject, [3]);
    const stream = await subject.readStream(await plane.openSend(send('t-out', 's-0')));
    const info = await plane.openReceive(receive('t-in', stream));
    await assert.rejects(subject.writeStream(info, 5_000, stream.subarray(5_000)), 'a gap is refused');
    await subject.writeStream(info, STREAM_HEADER_BYTES, stream.subarray(STREAM_HEADER_BYTES, -1));
    await assert.rejects(plane.applyStream(apply('t-in')), hasCode('STREAM_INCOMPLETE'));
  });

  promise('another key opens no stream, and a transfer takes one stream', async (plane, subject) => {
    await diskWithSnapshots(plane, subject, [3]);
    const stream = await subject.readStream(await plane.openSend(send('t-out', 's-0')));
    const streamKey = new Uint8Array(32).fill(1);
    await assert.rejects(plane.openReceive({ ...receive('t-in', stream), streamKey }), hasCode('STREAM_KEY_WRONG'));
    const info = await plane.openReceive(receive('t-in', stream));
    assert.equal(info.durableBytes, STREAM_HEADER_BYTES);
    assert.equal(info.sizeBytes, stream.length);
    const wrong = await plane.openReceive(receive('t-in', stream));
    assert.deepEqual(wrong, info, 'asked twice');
  });

  promise('after a crash both sides go on where they were', async (plane, subject) => {
    await diskWithSnapshots(plane, subject, [3]);
    const before = await subject.readStream(await plane.openSend(send('t-out', 's-0')));
    const first = await plane.openReceive(receive('t-in', before));
    await subject.writeStream(first, STREAM_HEADER_BYTES, before.subarray(STREAM_HEADER_BYTES, 5_000));
    await subject.crash();
    assert.deepEqual(await plane.listTransfers(), []);
    await assert.rejects(plane.applyStream(apply('t-in')), (error) => isKind(error, 'not-found'));
    const after = await subject.readStream(await plane.openSend(send('t-out', 's-0')));
    assert.ok(Buffer.from(after).equals(before), 'the same bytes again');
    const again = await plane.openReceive(receive('t-in', before));
    assert.equal(again.durableBytes, 5_000);
    await subject.writeStream(again, 4_990, after.subarray(4_990));
    const applied = await applyToTheEnd(plane, apply('t-in'));
    assert.equal(await contentOf(plane, subject, 'd-copy', applied.pin), 3);
  });

  promise('a snapshot that is removed while it is sent ends the stream', async (plane, subject) => {
    await diskWithSnapshots(plane, subject, [3, 4]);
    const whole = await plane.openSend(send('t-whole', 's-0'));
    await plane.openSend(send('t-rest', 's-1', 's-0'));
    const other = await plane.openSend(send('t-other', 's-1'));
    await plane.deleteSnapshot('d-one', 's-0');
    await assert.rejects(subject.readStream(whole));
    assert.deepEqual(
      (await plane.listTransfers()).map(({ transferId }) => transferId),
      ['t-other'],
    );
    await subject.readStream(other);
    await assert.rejects(plane.openSend(send('t-again', 's-0')), (error) => isKind(error, 'not-found'));
  });

  promise('applying what was applied changes nothing and answers the same', async (plane, subject) => {
    await diskWithSnapshots(plane, subject, [3]);
    await receiveWhole(plane, subject, 't-in', await subject.readStream(await plane.openSend(send('t-out', 's-0'))));
    const applied = await applyToTheEnd(plane, apply('t-in'));
    assert.deepEqual(await plane.applyStream(apply('t-in')), applied);
  });
}

/** `d-one` with a snapshot `s-<i>` for each value that its first block had. */
async function diskWithSnapshots(
  plane: DataPlane,
  subject: DataPlaneUnderTest,
  values: readonly number[],
): Promise<void> {
  await plane.createDisk(identity('d-one'), dataKey(1));
  const info = await plane.openExport(request('d-one', 1));
  for (const [i, value] of values.entries()) {
    await subject.write(info, value);
    await plane.createSnapshot('d-one', `s-${i}`, dataKey(1), undefined);
  }
  await plane.closeExport('e-d-one', { force: false });
}

function send(transferId: string, snapshotId: string, baseSnapshotId?: string): OpenSend {
  return {
    ...access(transferId),
    source: { diskId: 'd-one', snapshotId, baseSnapshotId, dataKey: dataKey(1), pin: undefined, encrypted: true },
    stream: {
      streamId: new Uint8Array(16).fill(transferId.length),
      suite: 'aes-256-gcm',
      createdMs: 1_000,
      key: { by: 'kms', kmsKeyId: 'key-1', blob: new Uint8Array(60).fill(6) },
    },
    streamKey: new Uint8Array(32).fill(7),
  };
}

function receive(transferId: string, stream: Uint8Array): OpenReceive {
  const header = stream.slice(0, STREAM_HEADER_BYTES);
  return { ...access(transferId), header, streamKey: new Uint8Array(32).fill(7) };
}

async function receiveWhole(
  plane: DataPlane,
  subject: DataPlaneUnderTest,
  transferId: string,
  stream: Uint8Array,
): Promise<void> {
  const info = await plane.openReceive(receive(transferId, stream));
  await subject.writeStream(info, info.durableBytes, stream.subarray(info.durableBytes));
}

function apply(
  transferId: string,
  options: {
    readonly suite?: 'aes-256-gcm' | 'sm4-gcm';
    readonly pin?: Pin | undefined;
    readonly snapshotId?: string;
    readonly baseSnapshotId?: string;
  } = {},
): ApplyStream {
  return {
    transferId,
    streamKey: new Uint8Array(32).fill(7),
    disk: identity('d-copy'),
    dataKey: { ...dataKey(9), suite: options.suite ?? 'aes-256-gcm' },
    pin: options.pin,
    snapshotId: options.snapshotId ?? 's-copy',
    baseSnapshotId: options.baseSnapshotId,
  };
}

function access(transferId: string) {
  return { transferId, name: `name-${transferId}`, pskIdentity: `psk-${transferId}`, psk: new Uint8Array(32).fill(5) };
}

/** Asks until it is over. */
async function applyToTheEnd(plane: DataPlane, asked: ApplyStream): Promise<TransferInfo> {
  let info: TransferInfo | undefined = await plane.applyStream(asked);
  while (info?.state === 'verifying' || info?.state === 'applying') {
    await sleep(2);
    info = (await plane.listTransfers()).find(({ transferId }) => transferId === asked.transferId);
  }
  assert.ok(info !== undefined, 'the transfer is listed until it is closed');
  return info;
}

async function contentOf(
  plane: DataPlane,
  subject: DataPlaneUnderTest,
  diskId: string,
  pin: Pin | undefined,
  suite: 'aes-256-gcm' | 'sm4-gcm' = 'aes-256-gcm',
): Promise<number> {
  const asked = request(diskId, 9, { pin });
  const value = await subject.read(await plane.openExport({ ...asked, dataKey: { ...asked.dataKey, suite } }));
  await plane.closeExport(asked.exportId, { force: false });
  return value;
}

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof SystemError && error.code === code;
