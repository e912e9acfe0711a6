import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';

import type { Call } from '../../src/api/action.ts';
import type { TestDoor } from './front-door.ts';
import { action, openDoor } from './front-door.ts';
import { outcomeOf, send, v1Request, v3Request } from './requests.ts';

/** What never comes must fail, not hang. */
const SOON = { timeout: 10_000 };

const SHORT = { headersMs: 200, requestMs: 300, checkMs: 50 };

/** Writes `parts` to a socket and answers what comes back until the server closes it. */
function talk(door: TestDoor, ...parts: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(door.target.port, door.target.host);
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
    for (const part of parts) socket.write(part);
  });
}

test('methods other than GET and POST are refused', async () => {
  await using door = await openDoor();
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    assert.equal(outcomeOf(await send(door.target, { method, path: '/' })), '403 UnsupportedHTTPMethod', method);
  }
  assert.equal((await send(door.target, { method: 'HEAD', path: '/' })).status, 403);
  assert.equal(outcomeOf(await send(door.target, { method: 'GET', path: '/other' })), '404 InvalidAction.NotFound');
});

test('a body that is announced or turns out too long is refused, and the server goes on', SOON, async () => {
  await using door = await openDoor({ limits: { bodyBytesMax: 1000 } });
  const raw = await v3Request(door.target, 'DescribeRegions', {}, { form: { RegionId: 'x'.repeat(2000) } });
  assert.equal(outcomeOf(await send(door.target, raw)), '413 InvalidParameter');
  const chunk = `${'x'.repeat(600)}`;
  const chunked = await talk(
    door,
    'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n',
    `258\r\n${chunk}\r\n258\r\n${chunk}\r\n`,
  );
  assert.match(chunked, /^HTTP\/1\.1 413 /);
  assert.match(chunked, /connection: close/i);
  assert.equal(
    outcomeOf(await send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }))),
    '200 accepted',
  );
});

test('a large body and a large query within the limits are read', async () => {
  await using door = await openDoor();
  const DiskName = '中'.repeat(8_000);
  const query = await v1Request(door.target, { Action: 'CreateDisk', RegionId: 'cn-beijing', DiskName });
  assert.equal(outcomeOf(await send(door.target, query)), '200 accepted');
  const form = { DiskName: '中'.repeat(40_000) };
  const posted = await v3Request(door.target, 'CreateDisk', { RegionId: 'cn-beijing' }, { form });
  assert.equal(outcomeOf(await send(door.target, posted)), '200 accepted');
});

test('headers that are too long, and bytes that are no HTTP, are refused in words', async () => {
  await using door = await openDoor({ limits: { headerBytesMax: 4096 } });
  const long = await talk(door, `GET /?a=${'x'.repeat(5000)} HTTP/1.1\r\nhost: a\r\n\r\n`);
  assert.match(long, /^HTTP\/1\.1 431 .*"Code":"InvalidParameter"/s);
  const noise = await talk(door, '\u0000\u0001 not http\r\n\r\n');
  assert.match(noise, /^HTTP\/1\.1 400 .*"Code":"InvalidParameter"/s);
});

test('2,000 parameters are read and one more is refused, in the query as in the form', async () => {
  await using door = await openDoor();
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`Tag.${i}.Key`, 'v']));
  // Ten common ones come with each request.
  const codeOf = async (query: number, form: number): Promise<unknown> => {
    const parameters = { Action: 'CreateDisk', RegionId: 'cn-beijing', ...many(query) };
    const raw = await v1Request(door.target, parameters, { method: 'POST', form: many(form) });
    const { body } = await send(door.target, raw);
    return /more than 2000/.test(String(body['Message'])) ? 'too many' : 'read';
  };
  assert.deepEqual(await Promise.all([codeOf(1_900, 0), codeOf(0, 2_000)]), ['read', 'read']);
  assert.deepEqual(await Promise.all([codeOf(2_000, 0), codeOf(0, 2_001)]), ['too many', 'too many']);
});

test('connections beyond the bound are closed, and those without a request after a while', SOON, async () => {
  await using door = await openDoor({ limits: { connectionsMax: 2, keepAliveMs: 50, headersMs: 5_000 } });
  const open = async () => {
    const socket = connect(door.target.port, door.target.host);
    const ended = new Promise<void>((resolve) => {
      socket.on('error', () => {});
      socket.on('close', () => resolve());
    });
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    socket.resume();
    return { socket, ended };
  };
  const [one, two] = [await open(), await open()];
  const third = await open();
  await third.ended;
  one.socket.write('GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n');
  await one.ended;
  two.socket.destroy();
});

test('headers and bodies that come too slowly are cut off', SOON, async () => {
  await using door = await openDoor({ limits: SHORT });
  const [headers, body] = await Promise.all([
    talk(door, 'GET / HTTP/1.1\r\nhost: a\r\n'),
    talk(door, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc'),
  ]);
  assert.match(headers, /^HTTP\/1\.1 408 /);
  assert.match(body, /^HTTP\/1\.1 408 /);
  assert.equal((await send(door.target, { method: 'GET', path: '/healthz' })).status, 200);
  assert.deepEqual(
    door.log.filter(({ level }) => level === 'error'),
    [],
  );
});

test('more requests at one time than allowed are asked to come back', async () => {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const slow = action('ecs', 'DescribeRegions', async () => {
    started.resolve();
    await gate.promise;
    return {};
  });
  await using door = await openDoor({ registry: [slow], limits: { requestsMax: 1 } });
  const first = send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }));
  await started.promise;
  const second = await send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }));
  assert.equal(outcomeOf(second), '503 ServiceUnavailable');
  gate.resolve();
  assert.equal(outcomeOf(await first), '200 accepted');
});

/** An action that ends only when its signal says so. */
function waiting() {
  const started = Promise.withResolvers<Call<unknown>>();
  const aborted = Promise.withResolvers<unknown>();
  const registered = action('ecs', 'DescribeRegions', (call) => {
    started.resolve(call);
    return new Promise<object>((resolve) => {
      call.signal.addEventListener('abort', () => {
        aborted.resolve(call.signal.reason);
        resolve({});
      });
    });
  });
  return { started: started.promise, aborted: aborted.promise, registered };
}

test('an action is told when its client goes away', SOON, async () => {
  const { started, aborted, registered } = waiting();
  await using door = await openDoor({ registry: [registered] });
  const raw = await v1Request(door.target, { Action: 'DescribeRegions' });
  const socket = connect(door.target.port, door.target.host);
  socket.write(`GET ${raw.path} HTTP/1.1\r\nhost: a\r\n\r\n`);
  await started;
  socket.destroy();
  assert.match(String(await aborted), /client went away/);
});

test('closing waits for what is running, and takes nothing new', SOON, async () => {
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const slow = action('ecs', 'DescribeRegions', async () => {
    started.resolve();
    await gate.promise;
    return {};
  });
  await using door = await openDoor({ registry: [slow] });
  const running = send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }));
  await started.promise;
  const closed = door.server.close(60_000);
  await assert.rejects(send(door.target, { method: 'GET', path: '/healthz' }), { code: 'ECONNREFUSED' });
  gate.resolve();
  assert.equal(outcomeOf(await running), '200 accepted');
  await closed;
});

test('closing cuts what is still running after the grace', SOON, async () => {
  const { started, aborted, registered } = waiting();
  await using door = await openDoor({ registry: [registered] });
  const running = send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' })).catch(() => 'cut');
  await started;
  await door.server.close(10);
  assert.match(String(await aborted), /server is stopping/);
  assert.equal(await running, 'cut');
});

test('a port that is taken is the error of listen', async () => {
  await using door = await openDoor();
  await using other = await openDoor();
  await other.server.close(0);
  await assert.rejects(other.server.listen({ host: door.target.host, port: door.target.port }), { code: 'EADDRINUSE' });
});
