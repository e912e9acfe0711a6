import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, Socket } from 'node:net';
import { test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { StaticReceive } from '../../src/nbd/static-receive.ts';
import { serveMemory } from './fixture.ts';
import { RawPeer } from './raw-peer.ts';

test('this Node lets an accepted socket receive into a buffer of ours, and a part where it is wanted', async () => {
  const receive = new StaticReceive();
  const got: string[] = [];
  const wanted = Buffer.alloc(100);
  let next: Buffer | undefined;
  const adopted = Promise.withResolvers<Socket | undefined>();
  const ended = Promise.withResolvers<void>();
  const server = createServer({ allowHalfOpen: true }, (accepted) => {
    const socket = receive.adopt(accepted, {
      target: () => next,
      filled: (bytes) => {
        got.push(`wanted ${wanted.toString('utf8', 0, bytes)}`);
        next = undefined;
        socket?.write('.');
      },
      receive: (bytes) => {
        got.push(bytes.toString());
        next = wanted;
        socket?.write('.');
      },
    });
    socket?.on('end', () => {
      ended.resolve();
      socket.end('bye');
    });
    adopted.resolve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const peer = new RawPeer({ host: '127.0.0.1', port });
  for (const text of ['one', 'two', 'three']) {
    peer.send(Buffer.from(text));
    await peer.take(1);
  }
  peer.socket.end();
  await ended.promise;
  assert.ok((await adopted.promise) instanceof Socket);
  assert.deepEqual(got, ['one', 'wanted two', 'three']);
  assert.equal((await peer.rest()).toString(), 'bye');
  server.close();
});

test('connections that receive into one buffer do not see each other’s bytes', async () => {
  await using served = await serveMemory({ sizeBytes: 32 * 2 ** 20 });
  const address = { unixSocket: served.socketPath };
  const clients = await Promise.all(Array.from({ length: 16 }, () => NbdClient.connect(address, 'disk')));
  const model = Buffer.alloc(served.disk.sizeBytes);
  const share = model.length / clients.length;
  await Promise.all(
    clients.flatMap((client, i) => {
      let at = i * share;
      return [1, 4096, 100, 65_536, 70_000, 300_000, 512, 131_072].map((length) => {
        const data = randomBytes(length);
        data.copy(model, at);
        const written = client.write(at, data);
        at += length;
        return written;
      });
    }),
  );
  assert.ok(model.equals(served.disk.bytes));
  await Promise.all(clients.map((client) => client.disconnect()));
});
