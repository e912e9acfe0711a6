import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { silentLogger } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { VERSION } from '../../src/base/version.ts';
import { BLOCK_SIZE_BYTES } from '../../src/base/units.ts';
import type { ExportInfo } from '../../src/dataplane/data-plane.ts';
import { NbdClient } from '../../src/nbd/client.ts';
import { RemoteDataPlane } from '../../src/dataplane/remote-data-plane.ts';
import { Supervisor } from '../../src/dataplane/supervisor.ts';
import type { DataPlaneUnderTest } from './plane-under-test.ts';

const PROGRAM = path.join(import.meta.dirname, '../../src/diskserver/main.ts');

export const connect = ({ socketPath, name }: Pick<ExportInfo, 'socketPath' | 'name'>) =>
  NbdClient.connect({ unixSocket: socketPath }, name);

/** A disk server in a process of its own, and the data plane that speaks to it. */
export async function realDiskServer(): Promise<DataPlaneUnderTest> {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-plane-'));
  const supervisor = new Supervisor({
    dataDirectory: directory,
    nbdListen: '127.0.0.1:0',
    program: PROGRAM,
    version: VERSION,
    clock: systemClock,
    log: silentLogger,
    onEvent: () => {},
    onConnected: () => {},
  });
  await supervisor.start();
  const plane = new RemoteDataPlane(supervisor);
  return {
    plane,
    crash: async () => {
      const { pid } = supervisor;
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      while (supervisor.pid === pid) await systemClock.sleep(5);
      // Waits for the next disk server.
      await plane.listExports();
    },
    write: async (info, value) => {
      await using client = await connect(info);
      await client.write(0, new Uint8Array(BLOCK_SIZE_BYTES).fill(value));
    },
    read: async (info) => {
      await using client = await connect(info);
      return (await client.read(0, BLOCK_SIZE_BYTES))[0] ?? -1;
    },
    readStream: async (info) => {
      await using client = await connect(info);
      return client.read(0, client.sizeBytes);
    },
    writeStream: async (info, offset, bytes) => {
      await using client = await connect(info);
      await client.write(offset, bytes);
      await client.flush();
    },
    [Symbol.asyncDispose]: async () => {
      await supervisor.shutDown();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
