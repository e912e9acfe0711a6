import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { isKind } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { Supervisor } from '../../src/dataplane/supervisor.ts';
import { until } from '../support/start-server.ts';

class Scene implements AsyncDisposable {
  readonly directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-supervisor-'));
  readonly connections: boolean[] = [];
  readonly #supervisors: Supervisor[] = [];

  supervisor(nbdListen = '127.0.0.1:10809'): Supervisor {
    const supervisor = new Supervisor({
      dataDirectory: this.directory,
      nbdListen,
      program: path.join(import.meta.dirname, 'small-disk-server.ts'),
      version: '0.0.0',
      clock: systemClock,
      log: silentLogger,
      onEvent: () => {},
      onConnected: (fresh) => this.connections.push(fresh),
    });
    this.#supervisors.push(supervisor);
    return supervisor;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const supervisor of this.#supervisors) {
      const { pid } = supervisor;
      supervisor.leave();
      if (pid !== undefined) kill(pid, 'SIGKILL');
    }
    await systemClock.sleep(20);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}

test('a disk server is started where none runs, and asked', async () => {
  await using scene = new Scene();
  const supervisor = scene.supervisor();
  await supervisor.start();
  assert.deepEqual(await supervisor.request('listExports', {}), { exports: [] });
  assert.deepEqual(scene.connections, [true]);
});

test('a running disk server is adopted, never doubled', async () => {
  await using scene = new Scene();
  const first = scene.supervisor();
  await first.start();
  const { pid } = first;
  first.leave();
  const second = scene.supervisor();
  await second.start();
  assert.equal(second.pid, pid);
  assert.deepEqual(scene.connections, [true, false]);
});

test('a disk server that is killed is started again, and calls wait for it', async () => {
  await using scene = new Scene();
  const supervisor = scene.supervisor();
  await supervisor.start();
  const { pid = 0 } = supervisor;
  kill(pid, 'SIGKILL');
  await until('the loss to be noticed', () => supervisor.pid !== pid);
  assert.deepEqual(await supervisor.request('listExports', {}), { exports: [] });
  assert.notEqual(supervisor.pid, pid);
  assert.deepEqual(scene.connections, [true, true]);
});

test('errors of the disk server keep their kind and code', async () => {
  await using scene = new Scene();
  const supervisor = scene.supervisor();
  await supervisor.start();
  await assert.rejects(
    supervisor.request('deleteDisk', { diskId: 'd-1', snapshots: { keep: [], drop: [] } }),
    (error) => isKind(error, 'no-space') && error.code === 'FULL',
  );
});

test('why a disk server cannot start is told to who asked for it', async () => {
  await using scene = new Scene();
  await assert.rejects(
    scene.supervisor('taken:1').start(),
    (error) => isKind(error, 'conflict') && error.code === 'PORT_TAKEN',
  );
});

test('shutting down answers the pins of what was open and starts nothing again', async () => {
  await using scene = new Scene();
  const supervisor = scene.supervisor();
  await supervisor.start();
  const { pid = 0 } = supervisor;
  assert.deepEqual(await supervisor.shutDown(), [{ diskId: 'd-1', pin: { sequence: 4, digest: '00' } }]);
  await until('the process to end', () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
  assert.deepEqual(scene.connections, [true]);
});

test('a disk server that hangs fails calls within 10 s and serves again when it goes on', async () => {
  await using scene = new Scene();
  const supervisor = scene.supervisor();
  await supervisor.start();
  const { pid = 0 } = supervisor;
  kill(pid, 'SIGSTOP');
  const started = performance.now();
  await assert.rejects(supervisor.request('listExports', {}), (error) => isKind(error, 'unavailable'));
  assert.ok(performance.now() - started < 10_000);
  kill(pid, 'SIGCONT');
  assert.deepEqual(await supervisor.request('listExports', {}), { exports: [] });
  assert.equal(supervisor.pid, pid);
});

test('a disk server of another protocol is left alone and named', async () => {
  await using scene = new Scene();
  process.env['SMALL_DISK_SERVER_PROTOCOL'] = '99';
  try {
    const supervisor = scene.supervisor();
    await assert.rejects(supervisor.start(), (error) => {
      assert.ok(isKind(error, 'conflict'));
      assert.equal(error.code, 'DISK_SERVER_VERSION');
      const [, pid = ''] = /process (\d+)/.exec(error.message) ?? [];
      kill(Number(pid), 'SIGKILL');
      return true;
    });
  } finally {
    delete process.env['SMALL_DISK_SERVER_PROTOCOL'];
  }
});

test('what is still under way when the server stops starts no other disk server', async () => {
  await using scene = new Scene();
  const supervisor = scene.supervisor();
  await supervisor.start();
  await supervisor.shutDown();
  await until('the end to be noticed', () => supervisor.pid === undefined);
  await assert.rejects(supervisor.request('listExports', {}), { kind: 'unavailable', code: 'DISK_SERVER_GONE' });
  assert.deepEqual(scene.connections, [true]);
});
