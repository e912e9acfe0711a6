// Started by the machine's own, older Node: a small process stands in front of the server, and must not outlive or orphan it.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { freePort, processesOf, SEALDISK, until } from '../support/start-server.ts';

/** A Node below 26 on this machine, if there is one. */
function olderNode(): string | undefined {
  const candidates = [...(process.env['PATH'] ?? '').split(path.delimiter), '/usr/local/bin', '/usr/bin'].map(
    (folder) => path.join(folder, 'node'),
  );
  return candidates.find((node) => {
    const { stdout } = spawnSync(node, ['--version'], { encoding: 'utf8' });
    const major = Number(/^v(\d+)\./.exec(stdout ?? '')?.[1]);
    return major >= 20 && major < 26;
  });
}

const node = olderNode();

for (const [signal, diskServersLeft] of [
  ['SIGKILL', 1],
  ['SIGTERM', 0],
] as const) {
  test(
    `${signal} to the process that an older Node started ends the control plane with it`,
    { skip: node === undefined ? 'no Node from 20 to 25 on this machine' : false },
    async () => {
      const dataDirectory = mkdtempSync(path.join(tmpdir(), 'sealdisk-older-'));
      const port = await freePort();
      const front = spawn(
        node ?? '',
        [
          SEALDISK,
          'serve',
          '--data-dir',
          dataDirectory,
          '--listen',
          `127.0.0.1:${port}`,
          '--nbd-listen',
          `127.0.0.1:${await freePort()}`,
        ],
        { stdio: 'ignore' },
      );
      const answers = (): Promise<boolean> =>
        fetch(`http://127.0.0.1:${port}/healthz`).then(
          ({ status }) => status === 200,
          () => false,
        );
      try {
        await until('the server to answer', answers);
        front.kill(signal);
        await until('the server to be gone', async () => !(await answers()));
        const left = (): number[] => processesOf((words) => words.includes(dataDirectory));
        await until('the processes to end', () => left().length === diskServersLeft);
        assert.equal(
          processesOf((words) => words.includes(dataDirectory) && words.includes('disk-server')).length,
          diskServersLeft,
        );
      } finally {
        for (const pid of processesOf((words) => words.includes(dataDirectory))) process.kill(pid, 'SIGKILL');
        rmSync(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
      }
    },
  );
}
