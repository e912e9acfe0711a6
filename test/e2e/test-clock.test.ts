// A server whose date is put forward: what waits happens at once, stays, and signatures go on with the real time.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { RpcRefusal } from '../../src/api/rpc-client.ts';
import { Api } from '../support/api.ts';
import { runProgram, SEALDISK, TestServer } from '../support/start-server.ts';

interface KeyAnswer {
  readonly KeyMetadata: Readonly<Record<string, string>>;
}

const notFound = (error: unknown): boolean => error instanceof RpcRefusal && error.code === 'Forbidden.KeyNotFound';

test('a key is rotated and destroyed as its days pass, and stays destroyed after a restart', async () => {
  await using server = await TestServer.start({ args: ['--test-clock'] });
  const api = new Api(server);
  await api.openKms();
  const doomed = await api.createKey();
  const { KeyMetadata: rotated } = await api.call<KeyAnswer>('kms', 'CreateKey', {
    EnableAutomaticRotation: 'true',
    RotationInterval: '7d',
  });
  const rotatedId = rotated['KeyId'] ?? '';
  await api.call('kms', 'ScheduleKeyDeletion', { KeyId: doomed, PendingWindowInDays: '7' });
  const keysDirectory = path.join(server.dataDirectory, 'keys');
  assert.equal(readdirSync(keysDirectory).length, 2);

  const { ahead } = await server.json<{ ahead: string }>('clock', 'advance', '8d');
  assert.equal(ahead, '8 days ahead');
  await assert.rejects(api.call('kms', 'DescribeKey', { KeyId: doomed }), notFound);
  const { KeyMetadata: after } = await api.call<KeyAnswer>('kms', 'DescribeKey', { KeyId: rotatedId });
  assert.notEqual(after['PrimaryKeyVersion'], rotated['PrimaryKeyVersion']);
  // The doomed key's file is gone, the other key has a second one.
  assert.equal(readdirSync(keysDirectory).length, 2);
  const { KeyMetadata: late } = await api.call<KeyAnswer>('kms', 'CreateKey');
  assert.ok(Date.parse(late['CreationDate'] ?? '') - Date.parse(rotated['CreationDate'] ?? '') >= 8 * 86_400_000);

  await server.kill('SIGKILL');
  await server.start();
  await assert.rejects(api.call('kms', 'DescribeKey', { KeyId: doomed }), notFound);
  assert.match((await server.sealdisk('status')).stdout, /clock {2}8 days ahead/);
  assert.match(readFileSync(server.logFile, 'utf8'), /TEST CLOCK {3}8 days ahead/);

  await server.kill('SIGTERM');
  const { code, stderr } = await runProgram(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    SEALDISK,
    'serve',
    '--data-dir',
    server.dataDirectory,
    '--listen',
    '127.0.0.1:0',
    '--nbd-listen',
    '127.0.0.1:0',
  ]);
  assert.equal(code, 5);
  assert.match(stderr, /^CLOCK_WAS_MOVED: .*8 days ahead.*--test-clock/);
});

test('without the flag the clock is not moved, and a duration that is none is refused', async () => {
  await using server = await TestServer.start();
  const real = await server.sealdisk('clock', 'advance', '8d');
  assert.equal(real.code, 4);
  assert.match(real.stderr, /^NO_TEST_CLOCK: .*serve --test-clock/);
  const wrong = await server.sealdisk('clock', 'advance', 'tomorrow');
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /^BAD_DURATION: .*8d, 12h, 30m or 90s/);
  assert.equal((await server.json<{ clock?: string }>('status')).clock, undefined);
});
