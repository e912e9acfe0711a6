import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { Clock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import type { Logger } from '../../src/base/log.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { systemRandom } from '../../src/base/system-random.ts';
import type { CertificateFiles } from '../../src/nbd/certificate-files.ts';
import type { NbdLimits } from '../../src/nbd/limits.ts';
import { NbdServer } from '../../src/nbd/server.ts';
import { TestDirectory } from './directory.ts';
import { MemoryExport } from './memory-export.ts';

/** A server with one disk in memory, called `disk`, on a Unix socket and on TCP; gone at the end of the test. */
export async function serveMemory(
  options: {
    readonly sizeBytes?: number;
    readonly readOnly?: boolean;
    readonly clock?: Clock;
    readonly limits?: Partial<NbdLimits>;
    readonly certificates?: CertificateFiles;
    readonly log?: Logger;
  } = {},
) {
  const { sizeBytes = 1024 * 1024, readOnly = false, clock = systemClock, limits = {}, log = silentLogger } = options;
  const certificates = options.certificates === undefined ? {} : { certificates: options.certificates };
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-nbd-'));
  const socketPath = path.join(folder, 'sockets', 'disk.sock');
  const disk = new MemoryExport(sizeBytes, { readOnly });
  const directory = new TestDirectory();
  const psk = Buffer.alloc(32, 7);
  directory.add('disk', disk, { identity: 'id.disk', psk, socketPath });
  const server = new NbdServer({ directory, clock, random: systemRandom, log, limits, ...certificates });
  await server.listenUnix(socketPath);
  const tcp = await server.listenTcp({ host: '127.0.0.1', port: 0 });
  return {
    disk,
    directory,
    server,
    folder,
    socketPath,
    tcp,
    psk,
    secure: { ...tcp, pskIdentity: 'id.disk', psk },
    async [Symbol.asyncDispose](): Promise<void> {
      await server.close(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves when `condition` holds; looked at once for each turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Long enough for the server to have read what the kernel holds for it, were it willing to. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
}
