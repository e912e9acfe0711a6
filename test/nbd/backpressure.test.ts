// What a client can make the server hold, and for how long.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { encodeClientFlags, encodeOption } from '../../src/nbd/handshake-wire.ts';
import { NBD_CMD_FLUSH, NBD_CMD_READ, NBD_CMD_WRITE, NBD_OPT_ABORT, NBD_OPT_LIST } from '../../src/nbd/protocol.ts';
import { encodeRequest } from '../../src/nbd/request-wire.ts';
import { serveMemory, settle, until } from './fixture.ts';
import { ManualClock } from './manual-clock.ts';
import { RawPeer } from './raw-peer.ts';

const KiB = 1024;

function requests(count: number, type: number, length: number, payload = Buffer.alloc(0)): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      const out = Buffer.alloc(28);
      encodeRequest(out, 0, { type, flags: 0, cookie: i, offset: 0, length }, false);
      return Buffer.concat([out, payload]);
    }),
  );
}

test('no more requests of a connection are in flight than the limit, and all are answered in the end', async () => {
  await using served = await serveMemory({ limits: { requestsInFlightMax: 10 } });
  const gate = Promise.withResolvers<void>();
  served.disk.gate = gate.promise;
  const peer = await new RawPeer({ path: served.socketPath }).go('disk');
  peer.send(requests(100, NBD_CMD_FLUSH, 0));
  await until(() => served.disk.calls.length === 10);
  await settle();
  assert.equal(served.disk.calls.length, 10);
  gate.resolve();
  for (let i = 0; i < 100; i++) await peer.simpleReply();
  peer.close();
});

test('no more payload of a connection is in flight than the limit and one request', async () => {
  await using served = await serveMemory({ limits: { bytesInFlightMax: 64 * KiB } });
  const gate = Promise.withResolvers<void>();
  served.disk.gate = gate.promise;
  const peer = await new RawPeer({ path: served.socketPath }).go('disk');
  peer.send(requests(20, NBD_CMD_WRITE, 30 * KiB, Buffer.alloc(30 * KiB)));
  await until(() => served.disk.calls.length === 3);
  await settle();
  assert.equal(served.disk.calls.length, 3);
  gate.resolve();
  for (let i = 0; i < 20; i++) await peer.simpleReply();
  peer.close();
});

test('a client that does not read its replies stops being served, and the others are not', async () => {
  await using served = await serveMemory({ limits: { bytesInFlightMax: 1024 * KiB } });
  const slow = await new RawPeer({ path: served.socketPath }).go('disk');
  slow.socket.pause();
  slow.send(requests(500, NBD_CMD_READ, 256 * KiB));
  await until(() => served.disk.calls.length >= 4);
  await settle();
  // 125 MiB were asked for; what went beyond the limit lies in the sockets of the kernel.
  assert.ok(served.disk.calls.length < 50, `${served.disk.calls.length} reads were done`);
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  assert.equal((await client.read(0, 10)).length, 10);
  slow.socket.resume();
  for (let i = 0; i < 500; i++) await slow.take(16 + 256 * KiB);
  slow.close();
});

test('replies that wait for a slow reader are not overwritten by later ones', async () => {
  await using served = await serveMemory({ sizeBytes: 8 * 1024 * KiB });
  for (let block = 0; block < 2048; block++) served.disk.bytes.fill(block % 251, block * 4096, (block + 1) * 4096);
  const slow = await new RawPeer({ path: served.socketPath }).go('disk');
  slow.socket.pause();
  for (let block = 0; block < 2048; block++) {
    const out = Buffer.alloc(28);
    const read = { type: NBD_CMD_READ, flags: 0, cookie: block, offset: block * 4096, length: 4096 };
    encodeRequest(out, 0, read, false);
    slow.send(out);
    if (block % 64 === 0) await settle();
  }
  slow.socket.resume();
  for (let i = 0; i < 2048; i++) {
    const reply = await slow.take(16 + 4096);
    const block = reply.readUInt32BE(12);
    assert.ok(reply.subarray(16).equals(Buffer.alloc(4096, block % 251)), `block ${block}`);
  }
  slow.close();
});

test('a client that asks on in the handshake without reading is dropped', async () => {
  await using served = await serveMemory({ limits: { handshakeReplyBytesMax: 64 * KiB } });
  const peer = new RawPeer({ path: served.socketPath });
  await peer.take(18);
  peer.socket.pause();
  peer.send(encodeClientFlags(3));
  const options = Buffer.concat(Array.from({ length: 1000 }, () => encodeOption(NBD_OPT_LIST)));
  const closed = new Promise((resolve) => peer.socket.once('close', resolve));
  const more = (): void => {
    if (!peer.socket.destroyed) peer.socket.write(options, () => setImmediate(more));
  };
  more();
  await closed;
});

test('a handshake that takes too long is cut off; transmission has no such limit', async () => {
  const clock = new ManualClock();
  await using served = await serveMemory({ clock, limits: { handshakeMs: 5000 } });
  const idle = await new RawPeer({ path: served.socketPath }).go('disk');
  const silent = new RawPeer({ path: served.socketPath });
  const overTcp = new RawPeer(served.tcp);
  await Promise.all([silent.take(18), overTcp.take(18)]);
  assert.equal(clock.sleeping, 2);
  clock.advance(4999);
  await settle();
  assert.equal(clock.sleeping, 2);
  clock.advance(1);
  assert.equal((await silent.rest()).length, 0);
  assert.equal((await overTcp.rest()).length, 0);
  idle.send(requests(1, NBD_CMD_FLUSH, 0));
  await idle.simpleReply();
  idle.close();
});

test('one handshake too many pushes out the oldest', async () => {
  await using served = await serveMemory({ limits: { handshakesMax: 3 } });
  const peers: RawPeer[] = [];
  for (let i = 0; i < 4; i++) {
    const peer = new RawPeer({ path: served.socketPath });
    await peer.take(18);
    peers.push(peer);
  }
  assert.equal((await peers[0]?.rest())?.length, 0);
  for (const peer of peers.slice(1)) {
    peer.send(encodeClientFlags(3), encodeOption(NBD_OPT_ABORT));
    await peer.optionReply();
  }
  for (const peer of peers) peer.close();
});

test('an export has no more connections than the limit', async () => {
  await using served = await serveMemory({ limits: { connectionsPerExportMax: 2 } });
  const address = { unixSocket: served.socketPath };
  await using first = await NbdClient.connect(address, 'disk');
  const second = await NbdClient.connect(address, 'disk');
  await assert.rejects(NbdClient.connect(address, 'disk'), /as many connections/);
  await second.disconnect();
  await until(() => served.server.connections('disk') === 1);
  await using third = await NbdClient.connect(address, 'disk');
  await Promise.all([first.flush(), third.flush()]);
});
