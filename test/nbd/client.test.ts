// What the client does when things go wrong: servers that know little, that lie, that vanish; and callers that give up.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import * as wire from '../../src/nbd/handshake-wire.ts';
import * as nbd from '../../src/nbd/protocol.ts';
import { serveMemory, until } from './fixture.ts';

const code = (name: string) => (error: unknown) => error instanceof SystemError && error.code === name;
const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s|\[.*?\]/g, ''), 'hex');

/** A server that answers what its script says to each option, and hands over what comes after GO. */
async function scripted(
  script: (option: number) => readonly (readonly [type: number, data?: Buffer])[],
  onTransmission: (socket: Socket, request: Buffer) => void = () => {},
) {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-scripted-'));
  const unixSocket = path.join(folder, 's');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = Buffer.alloc(0);
    let state: 'flags' | 'options' | 'transmission' = 'flags';
    socket.on('error', () => {});
    socket.write(wire.encodeServerHello(3));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      for (;;) {
        if (state === 'transmission') {
          if (received.length > 0) onTransmission(socket, received);
          received = Buffer.alloc(0);
          return;
        }
        const need = state === 'flags' ? 4 : 16 + (received.length < 16 ? 0 : received.readUInt32BE(12));
        if (received.length < need) return;
        const message = received.subarray(0, need);
        received = received.subarray(need);
        if (state === 'flags') {
          state = 'options';
          continue;
        }
        const { option } = wire.decodeOptionHeader(message);
        for (const [type, data] of script(option)) {
          socket.write(type === 0 ? (data ?? '') : wire.encodeOptionReply(option, type, data));
          if (type === 0 || (type === nbd.NBD_REP_ACK && option === nbd.NBD_OPT_GO)) state = 'transmission';
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(unixSocket, resolve));
  return {
    address: { unixSocket },
    [Symbol.dispose](): void {
      for (const socket of sockets) socket.destroy();
      server.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const INFO = wire.encodeInfoExport(2 ** 20, nbd.NBD_FLAG_HAS_FLAGS);
const UNSUP = [[nbd.NBD_REP_ERR_UNSUP]] as const;
const ACK = [[nbd.NBD_REP_ACK]] as const;
const OPEN = [[nbd.NBD_REP_INFO, INFO], [nbd.NBD_REP_ACK]] as const;

/** Knows structured replies, or extended headers as well, and no contexts. */
const modern = (extended: boolean) => (option: number) => {
  if (option === nbd.NBD_OPT_GO) return OPEN;
  if (option === nbd.NBD_OPT_STRUCTURED_REPLY) return ACK;
  return option === nbd.NBD_OPT_EXTENDED_HEADERS && extended ? ACK : UNSUP;
};

test('the client falls back step by step to what a server knows', async () => {
  for (const [script, headers] of [
    [modern(true), 'extended'],
    [modern(false), 'structured'],
    [(option: number) => (option === nbd.NBD_OPT_GO ? OPEN : UNSUP), 'simple'],
    [
      (option: number) =>
        option === nbd.NBD_OPT_EXPORT_NAME ? ([[0, wire.encodeExportNameReply(2 ** 20, 1, false)]] as const) : UNSUP,
      'simple',
    ],
  ] as const) {
    using server = await scripted(script);
    const client = await NbdClient.connect(server.address, 'x');
    assert.deepEqual([client.headers, client.sizeBytes, client.contexts], [headers, 2 ** 20, []]);
    await assert.rejects(client.blockStatus(0, 4096), code('NO_CONTEXT'));
    client.destroy();
  }
});

test('a refusal of the handshake carries its name and the server’s sentence', async () => {
  const refusal = Buffer.from('The disk is on fire.');
  using server = await scripted((option) =>
    option === nbd.NBD_OPT_GO ? [[nbd.NBD_REP_ERR_SHUTDOWN, refusal]] : UNSUP,
  );
  await assert.rejects(NbdClient.connect(server.address, 'x'), (error) => {
    assert.ok(error instanceof SystemError);
    assert.deepEqual(
      [error.kind, error.code, error.message],
      ['denied', 'NBD_REP_ERR_SHUTDOWN', 'The disk is on fire.'],
    );
    return true;
  });
});

const DONE = '668e33ef 0001';
const MORE = '668e33ef 0000';
const COOKIE = '0000000000000001';
test('a server that breaks the protocol is left, and everybody who waits is told', async () => {
  const lies: Record<string, string> = {
    'wrong magic': '12345678 00000000 0000000000000001',
    'a request that was not made': '67446698 00000000 0000000000000099',
    'an unknown chunk': `${DONE} 0007 ${COOKIE} 00000000`,
    'an endless chunk': `${DONE} 0005 ${COOKIE} ffffffff`,
    'an extended reply that was not negotiated': `6e8a278c 0001 0000 ${COOKIE} 0000000000000000 0000000000000000`,
    'nothing for a read': `${DONE} 0000 ${COOKIE} 00000000`,
    'too little': `${DONE} 0001 ${COOKIE} 0000000a 0000000000000000 0102`,
    'too much': `${DONE} 0001 ${COOKIE} 0000000d 0000000000000000 0102030405`,
    'before the range': `${DONE} 0002 ${COOKIE} 0000000c ffffffffffffffff 00000001`,
    'a gap': `${MORE} 0001 ${COOKIE} 00000009 0000000000000000 01 ${DONE} 0001 ${COOKIE} 0000000a 0000000000000002 0304`,
    'the same twice': `${MORE} 0001 ${COOKIE} 0000000a 0000000000000000 0102 ${DONE} 0001 ${COOKIE} 0000000a 0000000000000000 0102`,
    'status for a read': `${DONE} 0005 ${COOKIE} 0000000c 00000001 00001000 00000000`,
  };
  for (const [name, reply] of Object.entries(lies)) {
    using server = await scripted(modern(false), (socket) => socket.write(bytes(reply)));
    const client = await NbdClient.connect(server.address, 'x');
    const [read, flush] = await Promise.allSettled([client.read(0, 4), client.flush()]);
    for (const outcome of [read, flush]) {
      assert.ok(outcome.status === 'rejected' && code('NBD_FORMAT')(outcome.reason), name);
    }
    await client.closed;
    await assert.rejects(client.flush(), code('NBD_FORMAT'));
  }
});

test('content may come in any order and in parts', async () => {
  const parts = `${MORE} 0001 ${COOKIE} 0000000a 0000000000000002 0304
    ${MORE} 0002 ${COOKIE} 0000000c 0000000000000004 00000002
    ${MORE} 0001 ${COOKIE} 0000000a 0000000000000000 0102 ${DONE} 0000 ${COOKIE} 00000000`;
  using server = await scripted(modern(false), (socket) => {
    for (const byte of bytes(parts)) socket.write(Buffer.of(byte));
  });
  const client = await NbdClient.connect(server.address, 'x');
  assert.deepEqual([...(await client.read(0, 6))], [1, 2, 3, 4, 0, 0]);
  client.destroy();
});

test('an error after some content is an error', async () => {
  const reply = `${MORE} 0001 ${COOKIE} 0000000a 0000000000000000 0102
    ${DONE} 8002 ${COOKIE} 00000012 00000005 0004 6c6f7374 [lost] 0000000000000002`;
  using server = await scripted(modern(false), (socket) => socket.write(bytes(reply)));
  const client = await NbdClient.connect(server.address, 'x');
  await assert.rejects(client.read(0, 4), (error) => code('NBD_EIO')(error) && /lost/.test(String(error)));
  client.destroy();
});

test('an extended reply with the offset of another request is a broken protocol', async () => {
  const reply = `6e8a278c 0001 0000 ${COOKIE} 0000000000000001 0000000000000000`;
  using server = await scripted(modern(true), (socket) => socket.write(bytes(reply)));
  const client = await NbdClient.connect(server.address, 'x');
  await assert.rejects(client.trim(0, 4096), code('NBD_FORMAT'));
});

test('whoever gives up, in the handshake or later, is told at once and leaves nothing open', async () => {
  await using served = await serveMemory();
  served.disk.gate = new Promise(() => {});
  const later = new AbortController();
  const address = { unixSocket: served.socketPath };
  const client = await NbdClient.connect(address, 'disk', { signal: later.signal });
  const waiting = Promise.allSettled([client.read(0, 4096), client.write(0, Buffer.alloc(1)), client.disconnect()]);
  await until(() => served.disk.calls.length === 2);
  later.abort();
  const outcomes = await waiting;
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled'],
  );

  using silent = await scripted(() => []);
  const handshake = new AbortController();
  const connecting = NbdClient.connect(silent.address, 'x', { signal: handshake.signal });
  setImmediate(() => handshake.abort());
  await assert.rejects(connecting, code('NBD_DISCONNECTED'));
  await assert.rejects(
    NbdClient.connect(silent.address, 'x', { signal: AbortSignal.abort() }),
    code('NBD_DISCONNECTED'),
  );
  await assert.rejects(NbdClient.connect({ unixSocket: '/nowhere' }, 'x'), /No NBD server .* at \/nowhere/);
});

test('ranges longer than a request may be are cut, and come back as one', async () => {
  await using served = await serveMemory({ sizeBytes: 80 * 2 ** 20 });
  Object.assign(served.disk, { blockSize: { minimum: 1, preferred: 4096, maximum: 2 ** 20 } });
  await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk');
  const data = Buffer.alloc(5 * 2 ** 20 + 77, 'long');
  await client.write(1000, data);
  assert.equal(served.disk.calls.length, 6);
  assert.ok(data.equals(await client.read(1000, data.length)));
});
