import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { serveMemory, until } from './fixture.ts';
import { ManualClock } from './manual-clock.ts';
import { RawPeer } from './raw-peer.ts';

const code = (name: string) => (error: unknown) => error instanceof SystemError && error.code === name;

test('a Unix socket and its directory are the owner’s alone', async () => {
  await using served = await serveMemory();
  assert.equal(statSync(served.socketPath).mode & 0o777, 0o600);
  assert.equal(statSync(path.dirname(served.socketPath)).mode & 0o777, 0o700);
});

test('a Unix socket that a killed process left is taken over; one in use, or another file, is not', async () => {
  await using served = await serveMemory();
  const stale = path.join(served.folder, 'stale.sock');
  const left = createServer();
  await new Promise<void>((resolve) => left.listen(stale, resolve));
  await assert.rejects(served.server.listenUnix(stale), code('SOCKET_IN_USE'));
  // Renaming it away and back keeps the file when the listener closes, as a killed process does.
  renameSync(stale, `${stale}.kept`);
  await new Promise((resolve) => left.close(resolve));
  renameSync(`${stale}.kept`, stale);
  await served.server.listenUnix(stale);
  const file = path.join(served.folder, 'file');
  writeFileSync(file, 'precious');
  await assert.rejects(served.server.listenUnix(file), code('SOCKET_PATH_TAKEN'));
  assert.ok(existsSync(file));
});

test('a socket path that the kernel cannot hold is refused with what to do', async () => {
  await using served = await serveMemory();
  const long = path.join(served.folder, 'x'.repeat(108));
  await assert.rejects(served.server.listenUnix(long), /shorter path/);
});

test('a taken port is refused with what to do', async () => {
  await using served = await serveMemory();
  await assert.rejects(served.server.listenTcp(served.tcp), code('PORT_TAKEN'));
});

test('a closed Unix socket takes no connection and leaves no file, and can be opened again', async () => {
  await using served = await serveMemory();
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  await served.server.closeUnix(served.socketPath);
  assert.ok(!existsSync(served.socketPath));
  await client.flush();
  await served.server.listenUnix(served.socketPath);
  await using again = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  await again.flush();
});

test('a socket shows its own export only', async () => {
  await using served = await serveMemory();
  const address = { unixSocket: served.socketPath };
  served.directory.add('other', served.disk, { socketPath: '/elsewhere' });
  assert.deepEqual(await NbdClient.list(address), ['disk']);
  await assert.rejects(NbdClient.connect(address, 'other'), code('NBD_REP_ERR_UNKNOWN'));
  await using client = await NbdClient.connect(address, '');
  assert.equal(served.server.connections('disk'), 1);
  await client.flush();
});

test('connections are counted, and the directory hears of each', async () => {
  await using served = await serveMemory();
  const address = { unixSocket: served.socketPath };
  const clients = await Promise.all([1, 2, 3].map(() => NbdClient.connect(address, 'disk')));
  assert.equal(served.server.connections('disk'), 3);
  assert.equal(served.directory.connections.get('disk'), 3);
  await Promise.all(clients.map((client) => client.disconnect()));
  await until(() => served.server.connections('disk') === 0);
  assert.equal(served.directory.connections.get('disk'), 0);
});

test('disconnect lets requests in flight finish and refuses the next', async () => {
  await using served = await serveMemory();
  const gate = Promise.withResolvers<void>();
  served.disk.gate = gate.promise;
  const address = { unixSocket: served.socketPath };
  const [busy, idle] = [await NbdClient.connect(address, 'disk'), await NbdClient.connect(address, 'disk')];
  const write = busy.write(0, Buffer.from('kept'));
  await until(() => served.disk.calls.length === 1);
  const disconnected = served.server.disconnect('disk', 60_000);
  await assert.rejects(busy.read(0, 1), code('NBD_ESHUTDOWN'));
  await assert.rejects(NbdClient.connect(address, 'disk'), code('NBD_REP_ERR_SHUTDOWN'));
  await assert.rejects(idle.flush(), code('NBD_DISCONNECTED'));
  gate.resolve();
  await write;
  await disconnected;
  assert.equal(served.server.connections('disk'), 0);
  assert.equal(served.disk.bytes.toString('utf8', 0, 4), 'kept');
  await using later = await NbdClient.connect(address, 'disk');
  await later.flush();
});

test('disconnect cuts off what is not finished when the grace time is over', async () => {
  const clock = new ManualClock();
  await using served = await serveMemory({ clock });
  served.disk.gate = new Promise(() => {});
  const client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  const write = assert.rejects(client.write(0, Buffer.alloc(1)), code('NBD_DISCONNECTED'));
  await until(() => served.disk.calls.length === 1);
  const disconnected = served.server.disconnect('disk', 3000);
  await until(() => clock.sleeping === 1);
  clock.advance(3000);
  await disconnected;
  await write;
});

test('disconnect of an export without clients is done at once', async () => {
  await using served = await serveMemory();
  await served.server.disconnect('disk', 60_000);
  await served.server.disconnect('nowhere', 60_000);
});

test('close ends everything: listeners, handshakes, connections', async () => {
  await using served = await serveMemory();
  const silent = new RawPeer(served.tcp);
  await silent.take(18);
  const client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  await client.write(0, Buffer.from('done'));
  await served.server.close(60_000);
  assert.equal((await silent.rest()).length, 0);
  assert.ok(!existsSync(served.socketPath));
  await assert.rejects(client.flush(), code('NBD_DISCONNECTED'));
  await assert.rejects(NbdClient.connect(served.secure, 'disk'), code('NBD_DISCONNECTED'));
});

test('a directory that exists is left as it is', async () => {
  await using served = await serveMemory();
  const folder = path.join(served.folder, 'there');
  mkdirSync(folder, { mode: 0o750 });
  await served.server.listenUnix(path.join(folder, 's'));
  assert.equal(statSync(folder).mode & 0o777, 0o750);
});
