// What the front door puts on record, and what it does when it cannot.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import type { Recorded, TestDoor } from './front-door.ts';
import { ACCOUNT, openDoor, SECRET } from './front-door.ts';
import { outcomeOf, send, v1Request, v3Request } from './requests.ts';

let door: TestDoor;
before(async () => {
  door = await openDoor();
});
after(async () => {
  await door[Symbol.asyncDispose]();
});
beforeEach(() => {
  (door.recorded as Recorded[]).length = 0;
});

const FULL = new SystemError('unavailable', 'AUDIT_UNAVAILABLE', 'no room');
const call = async (parameters: Record<string, string>) => send(door.target, await v1Request(door.target, parameters));

function ended(): Extract<Recorded, { step: 'end' }> {
  const last = door.recorded.at(-1);
  assert.ok(last?.step === 'end');
  return last;
}

test('a read has one record, with who, what, where from, and the outcome', async () => {
  const raw = await v3Request(
    door.target,
    'DescribeRegions',
    { RegionId: 'cn-beijing' },
    { extra: { 'user-agent': 'me/1' } },
  );
  const answer = await send(door.target, raw);
  assert.equal(door.recorded.length, 1);
  const { call: record, outcome, hasBegun } = ended();
  assert.deepEqual(record, {
    requestId: answer.headers['x-acs-request-id'],
    account: ACCOUNT,
    principal: `acs:ram::${ACCOUNT}:root`,
    accessKeyId: 'testid',
    claimedAccessKeyId: undefined,
    sourceIp: '127.0.0.1',
    userAgent: 'me/1',
    product: 'ecs',
    action: 'DescribeRegions',
    region: 'cn-beijing',
    class: 'read',
    resources: [`acs:ecs:cn-beijing:${ACCOUNT}:*`],
    decision: { effect: 'Allow' },
    input: {},
  });
  assert.deepEqual([outcome.status, outcome.code, hasBegun], [200, 'OK', true]);
});

test('what changes something is on record before it runs and again before it is answered', async () => {
  await call({ Action: 'CreateDisk', RegionId: 'cn-beijing', Size: '20' });
  assert.deepEqual(
    door.recorded.map(({ step, call: record }) => [step, record.action, record.class]),
    [
      ['begin', 'CreateDisk', 'mutation'],
      ['end', 'CreateDisk', 'mutation'],
    ],
  );
});

test('a denial is on record with what was denied', async () => {
  door.denied.add('ecs:CreateDisk');
  await call({ Action: 'CreateDisk', RegionId: 'cn-beijing' });
  door.denied.clear();
  assert.equal(door.recorded.length, 1, 'it was never begun');
  const { call: record, outcome } = ended();
  assert.deepEqual(record.decision, {
    effect: 'ImplicitDeny',
    action: 'ecs:CreateDisk',
    resource: `acs:ecs:cn-beijing:${ACCOUNT}:*`,
  });
  assert.deepEqual([outcome.status, outcome.code], [403, 'Forbidden.RAM']);
});

test('who could not prove to be somebody is on record as such, without what was sent', async () => {
  const secret = 'aVeryTellingParameter';
  const wrong = await v1Request(door.target, { Action: 'CreateDisk', DiskName: secret }, { secret: 'x' });
  await send(door.target, wrong);
  const { call: record, outcome } = ended();
  assert.deepEqual([record.account, record.principal, record.accessKeyId], [undefined, undefined, undefined]);
  assert.deepEqual([record.claimedAccessKeyId, record.action], ['testid', 'CreateDisk']);
  assert.equal(outcome.code, 'SignatureDoesNotMatch');
  assert.ok(!JSON.stringify(door.recorded).includes(secret));
  assert.ok(!JSON.stringify(door.recorded).includes(SECRET));
  await send(door.target, { method: 'GET', path: '/elsewhere' });
  assert.equal(ended().outcome.status, 404);
  await send(door.target, { method: 'GET', path: '/healthz' });
  assert.equal(door.recorded.length, 2, 'health is nobody’s call');
});

test('without room to record it, nothing is changed and no key is used, and the client hears why', async () => {
  door.unrecordable.begin = FULL;
  const { status, body } = await call({ Action: 'CreateDisk', RegionId: 'cn-beijing' });
  assert.deepEqual([status, body['Code']], [503, 'ServiceUnavailable']);
  assert.match(String(body['Message']), /nothing was done/);
  const kms = await call({ Action: 'Encrypt', Version: '2016-01-20', KeyId: 'k', Plaintext: 'aGk=' });
  assert.deepEqual([kms.status, kms.body['Code']], [503, 'ServiceUnavailableTemporary']);
  delete door.unrecordable.begin;
});

test('an outcome that cannot be recorded is not answered', async () => {
  door.unrecordable.end = FULL;
  const { status, body } = await call({ Action: 'CreateDisk', RegionId: 'cn-beijing' });
  assert.deepEqual([status, body['Code'], body['DiskId']], [503, 'ServiceUnavailable', undefined]);
  assert.match(String(body['Message']), /may have been done/);
  const kms = await call({ Action: 'Encrypt', Version: '2016-01-20', KeyId: 'k', Plaintext: 'aGk=' });
  assert.deepEqual([kms.status, kms.body['CiphertextBlob']], [503, undefined]);
  assert.match(String(kms.body['Message']), /nothing was done/);
  delete door.unrecordable.end;
  assert.equal(outcomeOf(await call({ Action: 'DescribeRegions' })), '200 accepted');
});
