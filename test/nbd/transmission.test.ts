// Requests of all kinds over a real socket, with our own client and byte by byte.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import { encodeRequest } from '../../src/nbd/request-wire.ts';
import { serveMemory, settle, until } from './fixture.ts';
import { RawPeer } from './raw-peer.ts';

const MiB = 2 ** 20;
const code = (name: string) => (error: unknown) => error instanceof SystemError && error.code === name;

function request(type: number, cookie: number, offset: number, length: number, flags = 0): Buffer {
  const out = Buffer.alloc(28);
  encodeRequest(out, 0, { type, flags, cookie, offset, length }, false);
  return out;
}

for (const headers of ['extended', 'structured', 'simple'] as const) {
  test(`${headers} replies: what is written is read, across all sizes and alignments`, async () => {
    await using served = await serveMemory({ sizeBytes: 3 * MiB + 123 });
    await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk', { headers });
    assert.equal(client.sizeBytes, 3 * MiB + 123);
    const model = Buffer.alloc(client.sizeBytes);
    const writes = [1, 511, 4096, 65_537, 300_000, MiB + 1].map((length, i) => {
      const offset = i * 400_001;
      const data = randomBytes(length);
      data.copy(model, offset);
      return { offset, data };
    });
    for (const { offset, data } of writes) await client.write(offset, data);
    const reads = await Promise.all(writes.map(({ offset, data }) => client.read(offset, data.length)));
    writes.forEach(({ data }, i) => assert.deepEqual(Buffer.from(reads[i] ?? []), data));
    assert.deepEqual(Buffer.from(await client.read(0, client.sizeBytes)), model);
    assert.equal((await client.read(0, 0)).length, 0);
  });

  test(`${headers} replies: an export that fails answers its error and goes on`, async () => {
    await using served = await serveMemory();
    await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk', { headers });
    served.disk.failures.set('read', new SystemError('corrupt', 'X', 'x'));
    served.disk.failures.set('write', new SystemError('no-space', 'X', 'x'));
    await assert.rejects(client.read(0, 4096), code('NBD_EIO'));
    await assert.rejects(client.write(0, Buffer.alloc(4096)), code('NBD_ENOSPC'));
    served.disk.failures.clear();
    await client.write(0, Buffer.alloc(4096, 1));
    assert.deepEqual(Buffer.from(await client.read(0, 4096)), Buffer.alloc(4096, 1));
  });
}

test('flags reach the export: FUA, no hole; and flush', async () => {
  await using served = await serveMemory();
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  await client.write(0, Buffer.alloc(1), { fua: true });
  await client.write(0, Buffer.alloc(1));
  await client.trim(4096, 8192, { fua: true });
  await client.zero(0, 10, { fua: true, noHole: true });
  await client.zero(0, 4096, { fast: true });
  await client.cache(0, 4096);
  assert.equal(served.disk.dirty, 1);
  await client.flush();
  assert.equal(served.disk.dirty, 0);
  assert.deepEqual(served.disk.calls, [
    'write fua 0+1',
    'write 0+1',
    'trim fua 4096+8192',
    'zero fua noHole 0+10',
    'zero 0+4096',
    'read 0+4096',
    'flush 0+0',
  ]);
});

test('block status tells holes and data, joined, or one extent when one was asked for', async () => {
  await using served = await serveMemory();
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  await client.write(8192, Buffer.alloc(8192, 1));
  const hole = { hole: true, zero: true };
  const data = { hole: false, zero: false };
  assert.deepEqual(await client.blockStatus(0, MiB), [
    { lengthBytes: 8192, ...hole },
    { lengthBytes: 8192, ...data },
    { lengthBytes: MiB - 16384, ...hole },
  ]);
  assert.deepEqual(await client.blockStatus(100, 20_000, { one: true }), [{ lengthBytes: 8092, ...hole }]);
  await client.trim(8192, 8192);
  assert.deepEqual(await client.blockStatus(4096, 16384), [{ lengthBytes: 16384, ...hole }]);
});

test('every refusal of the table keeps the connection', async () => {
  await using served = await serveMemory({ sizeBytes: MiB });
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  await assert.rejects(client.read(MiB, 1), code('NBD_EINVAL'));
  await assert.rejects(client.write(MiB - 1, Buffer.alloc(2)), code('NBD_ENOSPC'));
  await assert.rejects(client.write(2 ** 60, Buffer.alloc(2)), code('NBD_ENOSPC'));
  await assert.rejects(client.zero(0, 100, { fast: true }), code('NBD_ENOTSUP'));
  await assert.rejects(client.send(99, 0, 0, 0), code('NBD_EINVAL'));
  await assert.rejects(client.send(nbd.NBD_CMD_READ, 0x40, 0, 1), code('NBD_EINVAL'));
  assert.equal((await client.read(0, 4)).length, 4);
  assert.deepEqual(served.disk.calls, ['read 0+4'], 'nothing refused reached the export');
});

test('a write that is too long is drained and refused, and what follows is served', async () => {
  await using served = await serveMemory({ sizeBytes: 64 * MiB });
  const settings = { headers: 'structured' } as const;
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk', settings);
  const refused = client.send(nbd.NBD_CMD_WRITE, 0, 0, 32 * MiB + 1, Buffer.alloc(32 * MiB + 1, 1));
  const behind = client.write(0, Buffer.from('behind'));
  await assert.rejects(refused, code('NBD_EINVAL'));
  await behind;
  assert.equal(Buffer.from(await client.read(0, 8)).toString(), 'behind\0\0');
});

test('a write of 32 MiB is served', async () => {
  await using served = await serveMemory({ sizeBytes: 32 * MiB });
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  const data = randomBytes(32 * MiB);
  await client.write(0, data);
  assert.ok(data.equals(served.disk.bytes));
  assert.ok(data.equals(await client.read(0, 32 * MiB)));
});

test('the payload of a long write stays as it is until the export has taken it, and its buffer serves again', async () => {
  await using served = await serveMemory({ sizeBytes: 4 * MiB });
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  const buffers = new Set<ArrayBufferLike>();
  const write = served.disk.write.bind(served.disk);
  served.disk.write = (offset, data, options) => {
    buffers.add(data.buffer);
    return write(offset, data, options);
  };
  for (let round = 0; round < 5; round++) {
    const gate = Promise.withResolvers<void>();
    served.disk.gate = gate.promise;
    const content = randomBytes(4 * MiB);
    const chunk = 512 * 1024;
    const writes = Array.from({ length: 8 }, (_, i) =>
      client.write(i * chunk, content.subarray(i * chunk, (i + 1) * chunk)),
    );
    await until(() => served.disk.calls.length === 8 * (round + 1));
    gate.resolve();
    await Promise.all(writes);
    assert.ok(content.equals(served.disk.bytes), `round ${round}`);
  }
  assert.ok(buffers.size < 40, `${buffers.size} buffers for 40 writes`);
});

test('a read-only export is read, and refuses what writes', async () => {
  await using served = await serveMemory({ readOnly: true });
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  assert.ok((client.flags & nbd.NBD_FLAG_READ_ONLY) !== 0);
  await assert.rejects(client.write(0, Buffer.alloc(1)), code('NBD_EPERM'));
  await assert.rejects(client.trim(0, 4096), code('NBD_EPERM'));
  await assert.rejects(client.zero(0, 4096), code('NBD_EPERM'));
  await client.flush();
  assert.equal((await client.read(0, 4)).length, 4);
});

test('requests mean the same wherever their bytes are split', async () => {
  await using served = await serveMemory();
  const script = Buffer.concat([
    request(nbd.NBD_CMD_WRITE, 1, 0, 5),
    Buffer.from('hello'),
    request(nbd.NBD_CMD_WRITE, 2, MiB, 5),
    Buffer.from('again'),
    request(nbd.NBD_CMD_WRITE, 3, 0, 0),
    request(nbd.NBD_CMD_READ, 4, 2, 3),
    request(nbd.NBD_CMD_DISC, 5, 0, 0),
  ]);
  const answers = new Set<string>();
  for (let at = 0; at < script.length; at++) {
    served.disk.bytes.fill(0);
    const peer = await new RawPeer({ path: served.socketPath }).go('disk');
    peer.socket.setNoDelay(true);
    peer.send(script.subarray(0, at));
    await new Promise((resolve) => setImmediate(resolve));
    peer.send(script.subarray(at));
    const replies = await peer.rest();
    // The order of replies is free: sort the four headers, keep the data with its own.
    const read = replies.indexOf(Buffer.from('llo'));
    const headers = Buffer.concat([replies.subarray(0, read), replies.subarray(read + 3)]);
    const parts = [0, 16, 32, 48].map((i) => headers.toString('hex', i, i + 16));
    answers.add(`${parts.toSorted().join(' ')} ${replies.length}`);
    peer.close();
  }
  const want = ['00000000 1', '00000000 3', '00000000 4', '0000001c 2'].map((pair) => {
    const [error = '', cookie = ''] = pair.split(' ');
    return `67446698${error}${cookie.padStart(16, '0')}`;
  });
  assert.deepEqual([...answers], [`${want.join(' ')} 67`]);
});

test('many requests in one packet are all answered', async () => {
  await using served = await serveMemory();
  const peer = await new RawPeer({ path: served.socketPath }).go('disk');
  const count = 2000;
  peer.send(...Array.from({ length: count }, (_, i) => request(nbd.NBD_CMD_FLUSH, i, 0, 0)));
  const cookies = new Set<number>();
  for (let i = 0; i < count; i++) cookies.add((await peer.simpleReply()).cookie);
  assert.equal(cookies.size, count);
  peer.close();
});

test('a wrong magic number closes the connection', async () => {
  await using served = await serveMemory();
  const peer = await new RawPeer({ path: served.socketPath }).go('disk');
  peer.send(request(nbd.NBD_CMD_FLUSH, 1, 0, 0).fill(0, 0, 4));
  assert.equal((await peer.rest()).length, 0);
  await until(() => served.server.connections('disk') === 0);
  assert.deepEqual(served.disk.calls, []);
});

test('a write that is cut off in its payload writes nothing', async () => {
  await using served = await serveMemory();
  const peer = await new RawPeer({ path: served.socketPath }).go('disk');
  peer.send(request(nbd.NBD_CMD_WRITE, 1, 0, 1000), Buffer.alloc(999, 1));
  peer.socket.end();
  assert.equal((await peer.rest()).length, 0);
  await until(() => served.server.connections('disk') === 0);
  assert.deepEqual(served.disk.calls, []);
});

test('NBD_CMD_DISC closes after what is in flight is answered', async () => {
  await using served = await serveMemory();
  const gate = Promise.withResolvers<void>();
  served.disk.gate = gate.promise;
  const client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  const write = client.write(0, Buffer.from('last'));
  const left = client.disconnect();
  await until(() => served.disk.calls.length === 1);
  gate.resolve();
  await write;
  await left;
});

test('requests that came before the client half-closed are answered', async () => {
  await using served = await serveMemory();
  const peer = await new RawPeer({ path: served.socketPath }).go('disk');
  const gate = Promise.withResolvers<void>();
  served.disk.gate = gate.promise;
  peer.send(request(nbd.NBD_CMD_FLUSH, 1, 0, 0));
  peer.socket.end();
  await until(() => served.disk.calls.length === 1);
  await settle();
  gate.resolve();
  assert.equal((await peer.rest()).length, 16);
});

test('a client that vanishes with requests in flight harms no one', async () => {
  await using served = await serveMemory();
  const gate = Promise.withResolvers<void>();
  served.disk.gate = gate.promise;
  const client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  const lost = assert.rejects(client.read(0, 100_000), code('NBD_DISCONNECTED'));
  await until(() => served.disk.calls.length === 1);
  client.destroy();
  await lost;
  gate.resolve();
  await until(() => served.server.connections('disk') === 0);
  await using other = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  await other.flush();
});

test('an export that answers too few bytes is an I/O error, never a short read', async () => {
  await using served = await serveMemory();
  served.disk.read = () => Promise.resolve(new Uint8Array(3));
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  await assert.rejects(client.read(0, 4), code('NBD_EIO'));
});
