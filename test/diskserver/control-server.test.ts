import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { silentLogger } from '../../src/base/log.ts';
import { encodeMessage, MessageReader } from '../../src/dataplane/protocol.ts';
import { ControlServer } from '../../src/diskserver/control-server.ts';
import type { Handlers } from '../../src/diskserver/control-server.ts';
import { mutate } from '../fuzz/mutate.ts';
import { Seeded } from '../sim/seeded.ts';

const HELLO = { protocol: 1, version: '0', dataDirectory: '/', nbdAddress: 'x:1', pid: 1, bootId: 'b' };

/** Sends bytes; answers what came back until the server hung up or `count` messages came after its greeting. */
function exchange(socketPath: string, bytes: Uint8Array, count: number): Promise<object[]> {
  return new Promise((resolve, reject) => {
    const reader = new MessageReader();
    const messages: object[] = [];
    const socket: Socket = connect(socketPath);
    const done = (): void => {
      socket.destroy();
      resolve(messages.slice(1));
    };
    socket.on('connect', () => socket.write(bytes, () => (count === 0 ? socket.end() : undefined)));
    socket.on('data', (chunk: Buffer) => {
      messages.push(...reader.push(chunk));
      if (count > 0 && messages.length > count) done();
    });
    socket.on('close', done).on('error', reject);
  });
}

async function withServer(use: (socketPath: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-control-'));
  const handlers = { ping: () => Promise.resolve({}) } as unknown as Handlers;
  const server = new ControlServer(HELLO, handlers, silentLogger);
  await server.listen(path.join(folder, 'socket'));
  try {
    await use(path.join(folder, 'socket'));
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

test('a request without parameters, or of a name that every object has, is answered and ends nothing', async () => {
  await withServer(async (socketPath) => {
    const requests = [
      { id: 1, method: 'nothing' },
      { id: 2, method: '__proto__', params: {} },
      { id: 3, method: 'toString', params: null },
      { id: 4 },
      { id: 5, method: 'ping', params: [] },
    ];
    const answers = await exchange(socketPath, Buffer.concat(requests.map(encodeMessage)), requests.length);
    assert.deepEqual(
      answers.map((answer) => ('error' in answer ? (answer.error as { code: string }).code : 'done')),
      ['UNKNOWN_METHOD', 'UNKNOWN_METHOD', 'UNKNOWN_METHOD', 'UNKNOWN_METHOD', 'done'],
    );
  });
});

test('whatever bytes come, the server hangs up on them at most and goes on', async () => {
  const random = new Seeded(4);
  const valid = Buffer.concat(
    [1, 2, 3].map((id) => encodeMessage({ id, method: 'ping', params: { key: new Uint8Array(9) } })),
  );
  await withServer(async (socketPath) => {
    for (let i = 0; i < 300; i++) {
      const bytes = mutate(random, valid, [
        [0, 4],
        [4, 4],
      ]);
      await exchange(socketPath, bytes, 0);
    }
    assert.deepEqual(await exchange(socketPath, encodeMessage({ id: 7, method: 'ping', params: {} }), 1), [
      { id: 7, result: {} },
    ]);
  });
});
