import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Action, Call } from '../../src/api/action.ts';
import { ApiError } from '../../src/api/errors.ts';
import type { TestDoor } from './front-door.ts';
import { action, openDoor } from './front-door.ts';
import type { Answer } from './requests.ts';
import { send, v1Request, v3Request } from './requests.ts';

/** Counts its runs; waits for `gate`. */
function counting(name: 'CreateDisk' | 'CreateSnapshot', gate: () => Promise<void> = async () => {}) {
  const calls: Call<unknown>[] = [];
  const counted: Action = action<never>('ecs', name, async (call) => {
    calls.push(call);
    const id = `${calls.length}`;
    await gate();
    return name === 'CreateDisk' ? { DiskId: id } : { SnapshotId: id };
  });
  return { calls, counted };
}

const createDisk = async (door: TestDoor, parameters: Record<string, string>): Promise<Answer> =>
  send(door.target, await v1Request(door.target, { Action: 'CreateDisk', RegionId: 'cn-beijing', ...parameters }));

test('the same token with the same parameters gives the same answer, whatever the signature style', async () => {
  const { calls, counted } = counting('CreateDisk');
  await using door = await openDoor({ registry: [counted] });
  const first = await createDisk(door, { ClientToken: 't', Size: '20', Encrypted: 'true' });
  const again = await createDisk(door, { ClientToken: 't', Encrypted: 'True', Size: '20' });
  const parameters = { RegionId: 'cn-beijing', ClientToken: 't', Size: '20' };
  const form = await v3Request(door.target, 'CreateDisk', parameters, { form: { Encrypted: 'true' } });
  const third = await send(door.target, form);
  assert.deepEqual(
    [first, again, third].map(({ body }) => body['DiskId']),
    ['1', '1', '1'],
  );
  assert.equal(calls.length, 1);
  assert.match(calls[0]?.idempotencyKey ?? '', /\/ecs\/CreateDisk\/t$/);
  assert.notEqual(first.body['RequestId'], again.body['RequestId']);
});

test('without a token, every request is new work', async () => {
  const { calls, counted } = counting('CreateDisk');
  await using door = await openDoor({ registry: [counted] });
  await createDisk(door, {});
  await createDisk(door, { ClientToken: '' });
  assert.equal(calls.length, 2);
  assert.equal(calls[0]?.idempotencyKey, undefined);
});

test('a token with other parameters is refused, with the status that the operation documents', async () => {
  const disk = counting('CreateDisk');
  const snapshot = counting('CreateSnapshot');
  await using door = await openDoor({ registry: [disk.counted, snapshot.counted] });
  await createDisk(door, { ClientToken: 't', Size: '20' });
  const other = await createDisk(door, { ClientToken: 't', Size: '21' });
  assert.deepEqual([other.status, other.body['Code']], [400, 'IdempotentParameterMismatch']);
  const otherRegion = await createDisk(door, { ClientToken: 't', Size: '20', RegionId: 'cn-shanghai' });
  assert.equal(otherRegion.body['Code'], 'IdempotentParameterMismatch');

  // Another operation has tokens of its own.
  const snap = async (DiskId: string): Promise<Answer> =>
    send(door.target, await v1Request(door.target, { Action: 'CreateSnapshot', ClientToken: 't', DiskId }));
  assert.equal((await snap('d-1')).status, 200);
  const mismatch = await snap('d-2');
  assert.deepEqual([mismatch.status, mismatch.body['Code']], [403, 'IdempotentParameterMismatch']);
  assert.deepEqual([disk.calls.length, snapshot.calls.length], [1, 1]);
});

test('calls with one token at the same time do the work once', async () => {
  const opened = Promise.withResolvers<void>();
  const { calls, counted } = counting('CreateDisk', () => opened.promise);
  await using door = await openDoor({ registry: [counted] });
  const answers = Array.from({ length: 8 }, async () => {
    const answer = await createDisk(door, { ClientToken: 't' });
    // The refused ones come back first; when all seven have, the one that runs may finish.
    refused += answer.status === 403 ? 1 : 0;
    if (refused === 7) opened.resolve();
    return answer;
  });
  let refused = 0;
  const all = await Promise.all(answers);
  assert.equal(calls.length, 1);
  assert.deepEqual(all.map(({ status, body }) => `${status} ${String(body['Code'] ?? body['DiskId'])}`).toSorted(), [
    '200 1',
    ...Array.from({ length: 7 }, () => '403 LastTokenProcessing'),
  ]);
  assert.equal((await createDisk(door, { ClientToken: 't' })).body['DiskId'], '1');
});

test('a refused call leaves its token free', async () => {
  let isFull = true;
  const counted: Action = action<never>('ecs', 'CreateDisk', () => {
    if (isFull) throw new ApiError('InvalidSnapshotId.NotFound', 404, 'There is no such snapshot.');
    return { DiskId: 'd-1' };
  });
  await using door = await openDoor({ registry: [counted] });
  assert.equal((await createDisk(door, { ClientToken: 't' })).body['Code'], 'InvalidSnapshotId.NotFound');
  isFull = false;
  assert.equal((await createDisk(door, { ClientToken: 't', Size: '20' })).body['DiskId'], 'd-1');
});

test('a token is remembered for a day', async () => {
  const { calls, counted } = counting('CreateDisk');
  await using door = await openDoor({ registry: [counted] });
  await createDisk(door, { ClientToken: 't' });
  const hours = (count: number): number => count * 3_600_000;
  // The request is stamped with the real time, so sign it for the shifted clock.
  const at = async (shiftMs: number): Promise<unknown> => {
    door.clock.shiftMs = shiftMs;
    const stamp = new Date(door.clock.nowMs()).toISOString().slice(0, 19);
    return (await createDisk(door, { ClientToken: 't', Timestamp: `${stamp}Z` })).body['DiskId'];
  };
  assert.equal(await at(hours(23)), '1');
  assert.equal(await at(hours(25)), '2');
  assert.equal(calls.length, 2);
});

test('a token of another form is refused', async () => {
  const { calls, counted } = counting('CreateDisk');
  await using door = await openDoor({ registry: [counted] });
  for (const ClientToken of ['x'.repeat(65), 'é', 'a\nb']) {
    const { status, body } = await createDisk(door, { ClientToken });
    assert.deepEqual([status, body['Code']], [400, 'InvalidClientToken.ValueNotSupported']);
  }
  assert.equal((await createDisk(door, { ClientToken: 'x'.repeat(64) })).status, 200);
  assert.equal(calls.length, 1);
});
