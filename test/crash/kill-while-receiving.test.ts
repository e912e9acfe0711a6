// A disk server that is killed while it applies an incremental stream: later it goes over it, and the disk is whole.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { MiB } from '../../src/base/units.ts';
import type { DataPlane } from '../../src/dataplane/data-plane.ts';
import type { ApplyStream, TransferInfo } from '../../src/dataplane/transfers.ts';
import { STREAM_HEADER_BYTES } from '../../src/stream/stream-header.ts';
import { dataKey, identity, request } from '../dataplane/plane-under-test.ts';
import { connect, realDiskServer } from '../dataplane/real-disk-server.ts';

const SIZE = 24 * MiB;
const streamKey = (): Uint8Array => new Uint8Array(32).fill(7);

function access(transferId: string) {
  return { transferId, name: transferId, pskIdentity: transferId, psk: new Uint8Array(32).fill(5) };
}

async function infoOf(plane: DataPlane, transferId: string): Promise<TransferInfo | undefined> {
  return (await plane.listTransfers()).find((info) => info.transferId === transferId);
}

test('a kill at any moment of applying leaves a disk that the same stream makes whole', async (context) => {
  await using subject = await realDiskServer();
  const { plane } = subject;
  const content = randomBytes(SIZE);
  const later = Buffer.from(content);
  randomBytes(SIZE / 2).copy(later, SIZE / 4);
  await plane.createDisk(identity('d-one'), dataKey(1));
  const exported = await plane.openExport(request('d-one', 1));
  {
    await using client = await connect(exported);
    await client.write(0, content);
    await plane.createSnapshot('d-one', 's-0', dataKey(1), undefined);
    await client.write(0, later);
    await plane.createSnapshot('d-one', 's-1', dataKey(1), undefined);
  }
  const streamOf = async (transferId: string, snapshotId: string, baseSnapshotId: string | undefined) => {
    const info = await plane.openSend({
      ...access(transferId),
      source: { diskId: 'd-one', snapshotId, baseSnapshotId, dataKey: dataKey(1), pin: undefined, encrypted: true },
      stream: {
        streamId: new Uint8Array(16).fill(transferId.length),
        suite: 'aes-256-gcm',
        createdMs: 1,
        key: { by: 'kms', kmsKeyId: 'key', blob: Uint8Array.of(1) },
      },
      streamKey: streamKey(),
    });
    return subject.readStream(info);
  };
  const full = await streamOf('t-f', 's-0', undefined);
  const rest = await streamOf('t-rr', 's-1', 's-0');
  const arrive = async (transferId: string, stream: Uint8Array): Promise<void> => {
    const header = stream.slice(0, STREAM_HEADER_BYTES);
    const info = await plane.openReceive({ ...access(transferId), header, streamKey: streamKey() });
    if (info.durableBytes < stream.length)
      await subject.writeStream(info, info.durableBytes, stream.subarray(info.durableBytes));
  };
  const apply = (transferId: string, diskId: string, baseSnapshotId?: string): ApplyStream => ({
    transferId,
    streamKey: streamKey(),
    disk: identity(diskId),
    dataKey: dataKey(9),
    pin: undefined,
    snapshotId: baseSnapshotId === undefined ? 's-base' : 's-next',
    baseSnapshotId,
  });
  const toTheEnd = async (asked: ApplyStream): Promise<TransferInfo> => {
    let info: TransferInfo | undefined = await plane.applyStream(asked);
    while (info?.state === 'verifying' || info?.state === 'applying') {
      await sleep(2);
      info = await infoOf(plane, asked.transferId);
    }
    assert.ok(info !== undefined);
    return info;
  };

  let amidst = 0;
  for (let round = 0; round < 6; round++) {
    const [diskId, id] = [`d-copy${round}`, `t-in${round}`];
    await arrive(`t-base${round}`, full);
    assert.equal((await toTheEnd(apply(`t-base${round}`, diskId))).state, 'applied');
    await arrive(id, rest);
    await plane.applyStream(apply(id, diskId, 's-base'));
    // Killed at another share of the way each time.
    for (;;) {
      const info = await infoOf(plane, id);
      const isDue = info?.state === 'applying' && info.doneBytes >= (rest.length * round) / 7;
      if (isDue && info.touchesDisk && info.doneBytes < info.sizeBytes) amidst += 1;
      if (isDue || info?.state === 'applied' || info?.state === 'failed') break;
    }
    await subject.crash();
    await arrive(id, rest);
    const done = await toTheEnd(apply(id, diskId, 's-base'));
    // One that was through before the kill is at its end and not at its base; that is for the control plane to know.
    assert.equal(done.state, 'applied', `round ${round}: ${done.error?.message ?? ''}`);
    const copy = await plane.openExport(request(diskId, 9, { pin: done.pin }));
    await using client = await connect(copy);
    assert.ok(Buffer.from(await client.read(0, SIZE)).equals(later), `round ${round}`);
  }
  context.diagnostic(`killed ${amidst} times with the disk half changed`);
  assert.ok(amidst > 0, 'at least one kill met a disk that was half changed');
});
