// Connections that do nothing, for the suite and, longer, for the soak.
import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { NbdClient } from '../../src/nbd/client.ts';
import { serveMemory, settle, until } from './fixture.ts';

const TOGETHER = 50;

/** What a process holds, of which nothing is garbage any more. */
async function held(): Promise<{ readonly buffers: number; readonly heap: number }> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 4; round++) {
    await settle();
    collect();
  }
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return { buffers: arrayBuffers, heap: heapUsed };
}

/**
 * Opens `count` connections, writes and reads 64 KiB on each, and lets them be. Answers what each costs this process,
 * which has both ends of it.
 * @throws AssertionError unless each of them still works afterwards, and the server forgets all that end.
 */
export async function holdIdleConnections(count: number): Promise<{ bufferBytes: number; heapBytes: number }> {
  await using served = await serveMemory({ limits: { connectionsPerExportMax: count, connectionsMax: count } });
  const address = { unixSocket: served.socketPath };
  const before = await held();
  const clients: NbdClient[] = [];
  while (clients.length < count) {
    const more = Math.min(TOGETHER, count - clients.length);
    const opened = await Promise.all(Array.from({ length: more }, () => NbdClient.connect(address, 'disk')));
    const data = Buffer.alloc(64 * 1024, 1);
    await Promise.all(opened.map((client) => client.write(0, data)));
    await Promise.all(opened.map((client) => client.read(0, data.length)));
    clients.push(...opened);
  }
  served.disk.calls.length = 0;
  const idle = await held();
  assert.equal(served.server.connections('disk'), count);
  await Promise.all(clients.map((client) => client.flush()));
  for (const [i, client] of clients.entries()) {
    // Some say goodbye, some vanish.
    if (i % 2 === 0) client.destroy();
    else await client.disconnect();
  }
  await until(() => served.server.connections('disk') === 0);
  return {
    bufferBytes: Math.round((idle.buffers - before.buffers) / count),
    heapBytes: Math.round((idle.heap - before.heap) / count),
  };
}
