import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';

import type { SystemError } from '../../src/base/errors.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import * as wire from '../../src/nbd/handshake-wire.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import { serveMemory, until } from './fixture.ts';
import { MemoryExport } from './memory-export.ts';
import { RawPeer } from './raw-peer.ts';

type Served = Awaited<ReturnType<typeof serveMemory>>;

/** Up to the acknowledged STARTTLS, then TLS with `options`. Answers the socket, or the error's code. */
async function startTls(served: Served, options: ConnectionOptions): Promise<TLSSocket | string> {
  const peer = new RawPeer(served.tcp);
  await peer.take(18);
  peer.send(wire.encodeClientFlags(3), wire.encodeOption(nbd.NBD_OPT_STARTTLS));
  assert.equal((await peer.optionReply()).type, nbd.NBD_REP_ACK);
  peer.socket.removeAllListeners('data');
  return new Promise((resolve) => {
    const socket = connectTls({ socket: peer.socket, rejectUnauthorized: false, ...options });
    // In TLS 1.3 the client is done first; the server's alert comes as the next thing it reads.
    socket.once('secureConnect', () => socket.once('data', () => resolve(socket)));
    socket.once('secureConnect', () => socket.write(wire.encodeOption(nbd.NBD_OPT_LIST)));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.once('close', () => resolve('closed'));
  });
}
const psk = (identity: string, secret: Uint8Array): ConnectionOptions => ({
  minVersion: 'TLSv1.3',
  pskCallback: () => ({ identity, psk: secret }),
});

test('with its secret a client reads and writes over TLS', async () => {
  await using served = await serveMemory();
  assert.deepEqual(await NbdClient.list(served.secure), ['disk']);
  await using client = await NbdClient.connect(served.secure, 'disk');
  const data = Buffer.alloc(700_000, 'tls');
  await client.write(5, data, { fua: true });
  assert.ok(data.equals(await client.read(5, data.length)));
  assert.ok(served.disk.bytes.subarray(5, 5 + data.length).equals(data));
});

test('a wrong secret, another export’s secret and an unknown identity fail alike', async () => {
  await using served = await serveMemory();
  served.directory.add('other', new MemoryExport(4096), { identity: 'id.other', psk: Buffer.alloc(32, 1) });
  const outcomes = await Promise.all([
    startTls(served, psk('id.disk', Buffer.alloc(32, 6))),
    startTls(served, psk('id.disk', Buffer.alloc(32, 1))),
    startTls(served, psk('id.nobody', served.psk)),
    startTls(served, psk('x'.repeat(127), Buffer.alloc(16))),
  ]);
  assert.deepEqual(new Set(outcomes), new Set(['ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR']));
  assert.deepEqual(served.disk.calls, []);
});

test('without a PSK, and below TLS 1.3, there is no TLS', async () => {
  await using served = await serveMemory();
  const below = { maxVersion: 'TLSv1.2', ciphers: 'PSK+HIGH:@SECLEVEL=0' } as const;
  for (const options of [{}, { ...psk('id.disk', served.psk), minVersion: 'TLSv1.2', ...below } as const]) {
    const outcome = await startTls(served, options);
    assert.equal(typeof outcome, 'string', 'the connection was made');
  }
});

test('a client sees its own export only', async () => {
  await using served = await serveMemory();
  served.directory.add('other', new MemoryExport(4096), { identity: 'id.other', psk: Buffer.alloc(32, 1) });
  assert.deepEqual(await NbdClient.list(served.secure), ['disk']);
  await assert.rejects(NbdClient.connect(served.secure, 'other'), /no export of this name/);
  await using client = await NbdClient.connect(served.secure, '');
  assert.equal(client.sizeBytes, served.disk.sizeBytes);
});

test('a secret that was taken back opens nothing, also not for who used it before', async () => {
  await using served = await serveMemory();
  await (await NbdClient.connect(served.secure, 'disk')).disconnect();
  const socket = await startTls(served, psk('id.disk', served.psk));
  assert.ok(typeof socket !== 'string');
  const session = socket.getSession();
  socket.destroy();
  served.directory.entries.clear();
  await assert.rejects(NbdClient.connect(served.secure, 'disk'), (error: SystemError) => error.code === 'TLS_FAILED');
  assert.ok(session);
  assert.equal(typeof (await startTls(served, { session, minVersion: 'TLSv1.3' })), 'string');
});

test('the server hands out no session to resume', async () => {
  await using served = await serveMemory();
  const peer = new RawPeer(served.tcp);
  await peer.take(18);
  peer.send(wire.encodeClientFlags(3), wire.encodeOption(nbd.NBD_OPT_STARTTLS));
  await peer.optionReply();
  peer.socket.removeAllListeners('data');
  const socket = connectTls({
    socket: peer.socket,
    ...psk('id.disk', served.psk),
    checkServerIdentity: () => undefined,
  });
  const sessions: Buffer[] = [];
  socket.on('session', (session: Buffer) => sessions.push(session));
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  assert.equal(socket.getProtocol(), 'TLSv1.3');
  assert.ok((socket.getEphemeralKeyInfo() as { name?: string }).name, 'the key exchange is ephemeral');
  socket.write(wire.encodeOption(nbd.NBD_OPT_LIST));
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  // OpenSSL sends tickets that only name a server-side session; there is none, so each must fail to resume.
  for (const session of sessions)
    assert.equal(typeof (await startTls(served, { session, minVersion: 'TLSv1.3' })), 'string');
});

test('plaintext sent right behind STARTTLS is never taken for TLS content', async () => {
  await using served = await serveMemory();
  const injected = wire.encodeOption(nbd.NBD_OPT_LIST);
  const together = new RawPeer(served.tcp);
  await together.take(18);
  together.send(wire.encodeClientFlags(3), wire.encodeOption(nbd.NBD_OPT_STARTTLS), injected);
  assert.equal((await together.rest()).length, 0);
  const after = new RawPeer(served.tcp);
  await after.take(18);
  after.send(wire.encodeClientFlags(3), wire.encodeOption(nbd.NBD_OPT_STARTTLS));
  await after.optionReply();
  after.send(injected);
  const answer = await after.rest();
  assert.ok(answer.length <= 7, 'at most a TLS alert comes back');
});

test('rubbish instead of a TLS handshake closes the connection and nothing else', async () => {
  await using served = await serveMemory();
  for (const rubbish of [Buffer.alloc(2000, 0xff), Buffer.from('160301ffff01', 'hex'), Buffer.alloc(0)]) {
    const peer = new RawPeer(served.tcp);
    await peer.take(18);
    peer.send(wire.encodeClientFlags(3), wire.encodeOption(nbd.NBD_OPT_STARTTLS));
    await peer.optionReply();
    peer.send(rubbish);
    peer.socket.end();
    await peer.rest();
  }
  await using client = await NbdClient.connect(served.secure, 'disk');
  await client.flush();
});

test('our client refuses a server that does not know the secret', async () => {
  await using served = await serveMemory();
  const wrong = { ...served.secure, psk: Buffer.alloc(32, 9) };
  await assert.rejects(NbdClient.connect(wrong, 'disk'), (error: SystemError) => error.kind === 'denied');
});

test('disconnect over TLS lets requests in flight finish', async () => {
  await using served = await serveMemory();
  const gate = Promise.withResolvers<void>();
  served.disk.gate = gate.promise;
  const client = await NbdClient.connect(served.secure, 'disk');
  const read = client.read(0, 100_000);
  await until(() => served.disk.calls.length === 1);
  const disconnected = served.server.disconnect('disk', 60_000);
  gate.resolve();
  assert.equal((await read).length, 100_000);
  await disconnected;
});
