// The suite against disks in memory: what fails here is the NBD server's own fault.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { serveMemory } from '../../nbd/fixture.ts';
import { nbdConformance } from './suite.ts';

nbdConformance('a disk in memory', async () => {
  const served = await serveMemory({ sizeBytes: 64 * 2 ** 20 });
  const pskFile = path.join(served.folder, 'psk', 'keys.psk');
  mkdirSync(path.dirname(pskFile), { mode: 0o700 });
  writeFileSync(pskFile, `id.disk:${served.psk.toString('hex')}\n`, { mode: 0o600 });
  return {
    unixSocket: served.socketPath,
    exportName: 'disk',
    tcp: served.tcp,
    pskIdentity: 'id.disk',
    pskFile,
    sizeBytes: served.disk.sizeBytes,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
});
