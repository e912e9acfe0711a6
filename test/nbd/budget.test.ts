import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Budget } from '../../src/nbd/budget.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { serveMemory, settle, until } from './fixture.ts';
import { MemoryExport } from './memory-export.ts';

const KiB = 1024;

test('what is taken of a part is taken of the whole, and comes back to both', () => {
  const whole = new Budget(100);
  const [first, second] = [new Budget(60, whole), new Budget(60, whole)];
  first.take(60);
  assert.deepEqual([first.hasRoom(), second.hasRoom()], [false, true]);
  second.take(50);
  assert.deepEqual([second.usedBytes, second.hasRoom(), whole.hasRoom()], [50, false, false]);
  first.giveBack(20);
  assert.deepEqual([first.hasRoom(), second.hasRoom(), whole.usedBytes], [true, true, 90]);
});

test('who waits is woken in order, once, and not after it gave up', () => {
  const whole = new Budget(10);
  const part = new Budget(100, whole);
  const woken: string[] = [];
  const waiter = (name: string, bytes: number) => {
    const wake = (): void => {
      part.forget(wake);
      woken.push(name);
      part.take(bytes);
    };
    return wake;
  };
  part.take(12);
  const [a, b, c, d] = [waiter('a', 4), waiter('b', 10), waiter('c', 1), waiter('d', 1)];
  for (const wake of [a, b, c, d]) part.wait(wake);
  part.giveBack(1);
  assert.deepEqual(woken, []);
  part.forget(c);
  part.giveBack(11);
  assert.deepEqual(woken, ['a', 'b'], 'd finds no room any more');
  part.giveBack(14);
  assert.deepEqual(woken, ['a', 'b', 'd']);
});

for (const level of ['bytesInFlightOfExportMax', 'bytesInFlightOfServerMax'] as const) {
  test(`many connections together hold no more than ${level}, and all are served in the end`, async () => {
    await using served = await serveMemory({ limits: { bytesInFlightOfExportMin: 0, [level]: 256 * KiB } });
    const gate = Promise.withResolvers<void>();
    served.disk.gate = gate.promise;
    const address = { unixSocket: served.socketPath };
    const clients = await Promise.all(Array.from({ length: 20 }, () => NbdClient.connect(address, 'disk')));
    const writes = clients.flatMap((client) =>
      Array.from({ length: 4 }, (_, i) => client.write(i * 64 * KiB, Buffer.alloc(64 * KiB, 1))),
    );
    await until(() => served.disk.calls.length >= 4);
    await settle();
    assert.equal(served.disk.calls.length, 4, 'what was taken is in payloads of 64 KiB');
    gate.resolve();
    await Promise.all(writes);
    await Promise.all(clients.map((client) => client.disconnect()));
  });
}

test('an export has something to itself, however much clients of others hold and do not take', async () => {
  const limits = { bytesInFlightOfServerMax: 256 * KiB, bytesInFlightOfExportMin: 64 * KiB };
  await using served = await serveMemory({ limits });
  const other = new MemoryExport(1024 * KiB);
  served.directory.add('other', other, { socketPath: served.socketPath });
  const address = { unixSocket: served.socketPath };
  const gate = Promise.withResolvers<void>();
  served.disk.gate = gate.promise;
  await using deaf = await NbdClient.connect(address, 'disk');
  const held = Array.from({ length: 8 }, () => deaf.write(0, Buffer.alloc(64 * KiB)));
  await until(() => served.disk.calls.length === 4);
  await using client = await NbdClient.connect(address, 'other');
  await Promise.all(Array.from({ length: 20 }, () => client.write(0, Buffer.alloc(60 * KiB, 1))));
  assert.equal(served.disk.calls.length, 4, 'the others still wait');
  gate.resolve();
  await Promise.all(held);
});

test('a client that vanishes with payloads in flight and in part gives all of it back', async () => {
  await using served = await serveMemory({
    limits: { bytesInFlightOfServerMax: 100 * KiB, bytesInFlightOfExportMin: 0 },
  });
  const address = { unixSocket: served.socketPath };
  for (let round = 0; round < 3; round++) {
    const gate = Promise.withResolvers<void>();
    served.disk.gate = gate.promise;
    const client = await NbdClient.connect(address, 'disk', { headers: 'simple' });
    const count = served.disk.calls.length;
    const lost = Promise.allSettled([
      client.write(0, Buffer.alloc(60 * KiB)),
      client.read(0, 20 * KiB),
      // Announces more than it sends.
      client.send(1, 0, 0, 90 * KiB, Buffer.alloc(80 * KiB)),
    ]);
    await until(() => served.disk.calls.length === count + 2);
    await settle();
    client.destroy();
    await lost;
    gate.resolve();
    await until(() => served.server.connections('disk') === 0);
  }
  served.disk.gate = undefined;
  await using other = await NbdClient.connect(address, 'disk');
  await Promise.all(Array.from({ length: 10 }, () => other.write(0, Buffer.alloc(90 * KiB))));
});

test('a server has no more connections than its limit, across exports', async () => {
  await using served = await serveMemory({ limits: { connectionsMax: 2 } });
  const address = { unixSocket: served.socketPath };
  const first = await NbdClient.connect(address, 'disk');
  await using second = await NbdClient.connect(address, 'disk');
  await assert.rejects(NbdClient.connect(address, 'disk'), /server has as many connections/);
  await first.disconnect();
  await until(() => served.server.connections('disk') === 1);
  await using third = await NbdClient.connect(address, 'disk');
  await Promise.all([second.flush(), third.flush()]);
});
