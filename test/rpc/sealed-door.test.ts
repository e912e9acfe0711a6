import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { SealedDoor } from '../../src/rpc/sealed-door.ts';
import { openDoor } from './front-door.ts';
import { outcomeOf, send, v1Request } from './requests.ts';

async function openSealedDoor(): Promise<{ readonly door: SealedDoor; readonly url: string } & AsyncDisposable> {
  const door = new SealedDoor(systemRandom);
  const { host, port } = await door.listen({ host: '127.0.0.1', port: 0 });
  return { door, url: `http://${host}:${port}`, [Symbol.asyncDispose]: () => door[Symbol.asyncDispose]() };
}

test('the health of a sealed server is 503 and says why', async () => {
  await using sealed = await openSealedDoor();
  const answer = await fetch(`${sealed.url}/healthz`);
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), { status: 'sealed' });
});

test('every call is answered with a documented 503 in the shape that it asked for, signed or not', async () => {
  await using sealed = await openSealedDoor();
  for (const [path, init] of [
    ['/', { method: 'POST', body: 'Action=ListKeys' }],
    ['/?Action=ListKeys', {}],
    ['/any/where', { method: 'PUT', body: 'x'.repeat(100_000) }],
  ] as const) {
    const answer = await fetch(`${sealed.url}${path}`, init);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '5');
    const { Code, Message, RequestId } = (await answer.json()) as Record<string, string>;
    assert.equal(Code, 'ServiceUnavailable');
    assert.match(String(Message), /sealed.*sealdisk unseal/s);
    assert.equal(answer.headers.get('x-acs-request-id'), RequestId);
  }
  const xml = await fetch(`${sealed.url}/?Action=ListKeys&Format=XML`);
  assert.match(await xml.text(), /^<\?xml.*<Error>.*<Code>ServiceUnavailable<\/Code>/s);
});

test('the front door takes the address over without letting go of it', async () => {
  await using sealed = await openSealedDoor();
  const before = await fetch(`${sealed.url}/healthz`);
  assert.equal(before.status, 503);
  await using door = await openDoor({ server: sealed.door.server });
  assert.equal(`http://${door.target.host}:${door.target.port}`, sealed.url);
  assert.equal((await fetch(`${sealed.url}/healthz`)).status, 200);
  assert.equal(
    outcomeOf(await send(door.target, await v1Request(door.target, { Action: 'DescribeRegions' }))),
    '200 accepted',
  );
});
