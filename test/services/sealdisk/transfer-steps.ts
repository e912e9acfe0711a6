/** Steps that tests of transfers take on a TestCloud. */
import { STREAM_HEADER_BYTES } from '../../../src/stream/stream-header.ts';
import { CancelTransfer } from '../../../src/services/sealdisk/actions/CancelTransfer.ts';
import { DescribeTransfers } from '../../../src/services/sealdisk/actions/DescribeTransfers.ts';
import { FinishReceive } from '../../../src/services/sealdisk/actions/FinishReceive.ts';
import { StartReceive } from '../../../src/services/sealdisk/actions/StartReceive.ts';
import { StartSnapshotSend } from '../../../src/services/sealdisk/actions/StartSnapshotSend.ts';
import type { Asker, TestCloud } from '../ecs/test-cloud.ts';

const deps = (cloud: TestCloud) => ({ transfers: cloud.transfers, dataPlane: cloud.plane });

export const startSend = (cloud: TestCloud, SnapshotId: string, more: object = {}, asker: Asker = {}) =>
  cloud.call(StartSnapshotSend(deps(cloud)), { SnapshotId, ...more }, asker);

export const startReceive = (cloud: TestCloud, stream: Uint8Array, more: object = {}, asker: Asker = {}) =>
  cloud.call(StartReceive(deps(cloud)), { Header: headerOf(stream), ...more }, asker);

export const finish = (cloud: TestCloud, TransferId: string, more: object = {}, asker: Asker = {}) =>
  cloud.call(FinishReceive(deps(cloud)), { TransferId, ...more }, asker);

export const cancel = (cloud: TestCloud, TransferId: string, asker: Asker = {}) =>
  cloud.call(CancelTransfer(deps(cloud)), { TransferId }, asker);

export async function describe(cloud: TestCloud, TransferId?: string, asker: Asker = {}) {
  const answer = await cloud.call(
    DescribeTransfers(deps(cloud)),
    TransferId === undefined ? {} : { TransferId },
    asker,
  );
  return answer.Transfers?.Transfer ?? [];
}

export const headerOf = (stream: Uint8Array): string =>
  Buffer.from(stream.subarray(0, STREAM_HEADER_BYTES)).toString('base64');

/** A disk that is encrypted under `keyId` (the service key without one), and a snapshot of `content` in it. */
export async function snapshotOf(cloud: TestCloud, content: string, keyId?: string) {
  const diskId = await cloud.createDisk({ Encrypted: true, ...(keyId !== undefined && { KMSKeyId: keyId }) });
  return { diskId, snapshotId: await nextSnapshot(cloud, diskId, content) };
}

export async function nextSnapshot(cloud: TestCloud, diskId: string, content: string): Promise<string> {
  await cloud.useDisk(diskId, content);
  cloud.clock.now += 1_000;
  return cloud.createSnapshot(diskId);
}

/** What a client reads after StartSnapshotSend. */
export async function streamOf(cloud: TestCloud, snapshotId: string, more: object = {}): Promise<Uint8Array> {
  const { TransferId = '' } = await startSend(cloud, snapshotId, more);
  return cloud.plane.transfers.stream(TransferId);
}

/** Everything up to what FinishReceive is for. */
export async function arrived(cloud: TestCloud, stream: Uint8Array, more: object = {}, asker: Asker = {}) {
  const { TransferId = '', DurableBytes = 0 } = await startReceive(cloud, stream, more, asker);
  cloud.plane.transfers.receive(TransferId, DurableBytes, stream.subarray(DurableBytes));
  return TransferId;
}

/** To the end; answers the transfer as it is then. */
export async function received(
  cloud: TestCloud,
  stream: Uint8Array,
  more: { readonly Passphrase?: string; readonly [name: string]: unknown } = {},
) {
  const transferId = await arrived(cloud, stream, more);
  await finish(cloud, transferId, more.Passphrase === undefined ? {} : { Passphrase: more.Passphrase });
  await cloud.transfers.settle();
  const [transfer] = await describe(cloud, transferId);
  if (transfer === undefined) throw new Error('the transfer is listed');
  return transfer;
}
