// A disk server that is killed at any moment of changing a disk's data key and of sealing the disk anew, under a client.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { KiB, MiB } from '../../src/base/units.ts';
import type { DataKey } from '../../src/dataplane/data-plane.ts';
import { dataKey, identity, request } from '../dataplane/plane-under-test.ts';
import { connect, realDiskServer } from '../dataplane/real-disk-server.ts';
import { Seeded } from '../sim/seeded.ts';

const SIZE = 32 * MiB;
const PIECE = 64 * KiB;
const KILLS = 12;

test('with a kill at any moment the old or the new data key opens the disk, its head tells which, and no flushed write is lost', async (context) => {
  await using subject = await realDiskServer();
  const { plane } = subject;
  const random = new Seeded(20);
  const keyOf = (round: number): DataKey => ({
    ...dataKey(round + 1),
    suite: round % 2 === 0 ? 'aes-256-gcm' : 'sm4-gcm',
  });
  const content = Buffer.from(random.bytes(SIZE));
  await plane.createDisk(identity('d-one'), keyOf(0));
  {
    await using client = await connect(await plane.openExport({ ...request('d-one', 1), dataKey: keyOf(0) }));
    await client.write(0, content);
    await client.flush();
    await plane.createSnapshot('d-one', 's-0', keyOf(0), undefined);
  }
  const kept = Buffer.from(content);
  let current = 0;
  let committed = 0;
  let undone = 0;
  for (let round = 1; round <= KILLS; round++) {
    const info = await plane.openExport({ ...request('d-one', 1), dataKey: keyOf(current) });
    const next = { dataKey: keyOf(round), wrappedKey: Uint8Array.of(round), encrypted: true, bytesPerSecond: 0 };
    {
      await using client = await connect(info);
      const rotating = plane
        .rotateDataKey({ diskId: 'd-one', dataKey: keyOf(current), pin: undefined, next })
        .catch(() => undefined);
      // Some kills while the change itself is under way.
      const early = round % 3 === 0;
      for (let piece = 0; !early && piece < 8; piece++) {
        const at = (random.uint32() % (SIZE / PIECE)) * PIECE;
        const bytes = Buffer.from(random.bytes(PIECE));
        await client.write(at, bytes);
        bytes.copy(content, at);
      }
      if (!early) await client.flush();
      await sleep(random.uint32() % (early ? 4 : 120));
      await subject.crash();
      await rotating;
    }
    const asked = { diskId: 'd-one', dataKeys: [keyOf(current), keyOf(round)], pin: undefined };
    const state = await plane.continueReencryption(asked);
    assert.ok(state !== undefined);
    if (state.wrappedKey[0] === round) {
      committed += 1;
      current = round;
    }
    if (state.progress !== undefined) undone += 1;
    const exported = await plane.openExport({ ...request('d-one', 1), dataKey: keyOf(current) });
    {
      await using client = await connect(exported);
      assert.equal(Buffer.compare(await client.read(0, SIZE), content), 0, `round ${round}`);
    }
    // Four earlier keys are carried at most.
    for (let before = committed; committed % 3 === 0 && before > 0;) {
      const sealing = await plane.continueReencryption({ diskId: 'd-one', dataKeys: [], pin: undefined });
      if (sealing?.progress === undefined) break;
      await sleep(10);
    }
    await plane.closeExport('e-d-one', { force: false });
  }
  const view = { ...request('d-snap', 1), diskId: 'd-one', snapshotId: 's-0', dataKey: keyOf(current) };
  {
    await using client = await connect(await plane.openSnapshotExport({ ...view, baseSnapshotId: undefined }));
    assert.equal(Buffer.compare(await client.read(0, SIZE), kept), 0, 'the snapshot');
  }
  context.diagnostic(`${committed} of ${KILLS} changes held, ${undone} kills left something to seal`);
  assert.ok(committed > 0 && undone > 0);
});
