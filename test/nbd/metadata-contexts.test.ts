// Allocation and bitmaps as metadata contexts, over a real socket.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { joined } from '../../src/nbd/metadata-contexts.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import { serveMemory } from './fixture.ts';

const MiB = 2 ** 20;
const BITMAPS = ['qemu:dirty-bitmap:since-s-1', 'qemu:dirty-bitmap:since-s-2'] as const;
const code = (name: string) => (error: unknown) => error instanceof SystemError && error.code === name;

async function serveBitmaps() {
  const served = await serveMemory();
  served.disk.dirtyBlocks.set('since-s-1', new Set([1, 2, 5]));
  served.disk.dirtyBlocks.set('since-s-2', new Set());
  return served;
}

test('contexts are listed by exact name and by namespace', async () => {
  await using served = await serveBitmaps();
  const list = (...queries: string[]) => NbdClient.listContexts({ unixSocket: served.socketPath }, 'disk', queries);
  assert.deepEqual(await list(), ['base:allocation', ...BITMAPS]);
  assert.deepEqual(await list('qemu:'), BITMAPS);
  assert.deepEqual(await list('qemu:dirty-bitmap:'), BITMAPS);
  assert.deepEqual(await list('base:', BITMAPS[1]), ['base:allocation', BITMAPS[1]]);
  assert.deepEqual(await list('qemu:dirty-bitmap:s', 'x:'), []);
});

for (const headers of ['structured', 'extended'] as const) {
  test(`${headers}: several contexts of one connection are told at once`, async () => {
    await using served = await serveBitmaps();
    await served.disk.write(0, Buffer.alloc(4096, 1), { fua: false });
    const contexts = ['base:allocation', ...BITMAPS];
    await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk', { headers, contexts });
    assert.deepEqual(client.contexts, contexts);
    const statuses = await client.status(contexts, 0, MiB);
    assert.deepEqual(statuses.get('base:allocation'), [
      { lengthBytes: 4096, flags: 0 },
      { lengthBytes: MiB - 4096, flags: 3 },
    ]);
    assert.deepEqual(statuses.get(BITMAPS[0]), [
      { lengthBytes: 4096, flags: 0 },
      { lengthBytes: 8192, flags: 1 },
      { lengthBytes: 8192, flags: 0 },
      { lengthBytes: 4096, flags: 1 },
      { lengthBytes: MiB - 6 * 4096, flags: 0 },
    ]);
    assert.deepEqual(statuses.get(BITMAPS[1]), [{ lengthBytes: MiB, flags: 0 }]);
    const one = await client.status(contexts, 4096, MiB - 4096, { one: true });
    assert.deepEqual(one.get(BITMAPS[0]), [{ lengthBytes: 8192, flags: 1 }]);
  });
}

test('a client with extended headers asks about some of its contexts, and the others are not looked at', async () => {
  await using served = await serveBitmaps();
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk', { contexts: BITMAPS });
  assert.ok((client.flags & nbd.NBD_FLAG_BLOCK_STAT_PAYLOAD) !== 0);
  await client.status([BITMAPS[1]], 0, 4096);
  assert.deepEqual(served.disk.calls, ['bitmap since-s-2 0+4096']);
  const ask = (...ids: number[]) => {
    const payload = Buffer.alloc(8 + 4 * ids.length);
    payload.writeUInt32BE(4096, 4);
    ids.forEach((id, i) => payload.writeUInt32BE(id, 8 + 4 * i));
    return client.send(nbd.NBD_CMD_BLOCK_STATUS, 0, MiB, payload.length, payload);
  };
  await assert.rejects(ask(1), /past the end/);
  for (const ids of [[], [3], [1, 1], [1, 3]]) await assert.rejects(ask(...ids), code('NBD_EINVAL'), String(ids));
});

test('a bitmap that is gone is an error, never clean', async () => {
  await using served = await serveBitmaps();
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk', { contexts: BITMAPS });
  served.disk.dirtyBlocks.clear();
  await assert.rejects(client.status([BITMAPS[0]], 0, 4096), code('NBD_EIO'));
  assert.throws(() => joined([], 4096, 10), /bug/);
  assert.throws(() => joined([{ lengthBytes: 0, flags: 0 }], 4096, 10), /bug/);
});

test('no more contexts can be selected than a connection may have', async () => {
  await using served = await serveBitmaps();
  const names = Array.from({ length: 17 }, (_, i) => `b${i}`);
  for (const name of names) served.disk.dirtyBlocks.set(name, new Set());
  const contexts = names.map((name) => `qemu:dirty-bitmap:${name}`);
  const connect = (selected: string[]) =>
    NbdClient.connect({ unixSocket: served.socketPath }, 'disk', { contexts: selected });
  await assert.rejects(connect(contexts), code('NBD_REP_ERR_TOO_BIG'));
  await using client = await connect(contexts.slice(1));
  assert.equal((await client.status(contexts.slice(1), 0, MiB)).size, 16);
});

test('the extents of a whole export are walked, however few a reply tells', async () => {
  await using served = await serveBitmaps();
  served.disk.dirtyBlocks.set('since-s-1', new Set(Array.from({ length: 128 }, (_, i) => 2 * i)));
  const blockStatus = served.disk.bitmaps.status;
  served.disk.bitmaps.status = (name, offset, length) => blockStatus(name, offset, Math.min(length, 10_000));
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk', { contexts: BITMAPS });
  let [at, dirty] = [0, 0];
  for await (const extent of client.extents(BITMAPS[0])) {
    assert.equal(extent.offset, at);
    at += extent.lengthBytes;
    if (extent.flags === 1) dirty += extent.lengthBytes;
  }
  assert.deepEqual([at, dirty], [MiB, 128 * 4096]);
});
