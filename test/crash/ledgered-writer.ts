/**
 * Opens a disk, writes to it and ends, in a process of its own whose seals are written down:
 * `ledgered-writer.ts LEDGER DIRECTORY STAMP END RANDOM`. END: `close`, `abandon`, or `kill` for a death in the middle of a
 * write. RANDOM: `system`; `frozen` for a machine whose generators repeat what they gave another process; a number for an
 * engine that is given one and the same stream.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';

const [ledger = '', directory = '', stamp = '', end = '', randomness = ''] = process.argv.slice(2);

if (randomness === 'frozen') {
  // A virtual machine that was stopped and resumed twice, before the disk is opened: both generators are copies.
  crypto.randomBytes = ((length: number) => Buffer.alloc(length, 1)) as typeof crypto.randomBytes;
  const readSync = fs.readSync;
  const openSync = fs.openSync;
  const urandom = new Set<number>();
  fs.openSync = ((...args: Parameters<typeof openSync>) => {
    const fd = openSync(...args);
    if (args[0] === '/dev/urandom') urandom.add(fd);
    else urandom.delete(fd);
    return fd;
  }) as typeof openSync;
  fs.readSync = ((fd: number, buffer: Uint8Array, ...rest: [number, number, null]) => {
    if (!urandom.has(fd)) return readSync(fd, buffer, ...rest);
    buffer.fill(2, rest[0], rest[0] + rest[1]);
    return rest[1];
  }) as typeof readSync;
  syncBuiltinESMExports();
}

const { silentLogger } = await import('../../src/base/log.ts');
const { systemClock } = await import('../../src/base/system-clock.ts');
const { systemRandom } = await import('../../src/base/system-random.ts');
const { openDisk } = await import('../../src/block/disk.ts');
const { localFiles } = await import('../../src/block/files/local-files.ts');
const { nodeCipherBackend } = await import('../../src/crypto/node-aead.ts');
const { blockOf } = await import('../block/disk-fixture.ts');
const { Seeded } = await import('../sim/seeded.ts');
const { ledgered } = await import('../support/process-ledger.ts');
const { default: path } = await import('node:path');

const environment = {
  files: localFiles,
  clock: systemClock,
  random: Number(randomness) > 0 ? new Seeded(Number(randomness)) : systemRandom,
  cipher: ledgered(nodeCipherBackend(), ledger),
  log: silentLogger,
  machineId: 'machine-1',
  limits: { segmentSlots: 12 },
};
const disk = await openDisk(environment, directory, {
  diskId: path.basename(directory).replace(/-copy.*/, ''),
  dataKey: { suite: 'aes-256-gcm', key: new Uint8Array(32).fill(7) },
  pin: undefined,
  readOnly: false,
  adopt: true,
});
for (let i = 0; i < 30; i++) {
  await disk.write((i % 11) * 4096, blockOf(Number(stamp) * 1_000 + i), { fua: i % 4 === 0 });
  if (i === 20) await disk.checkpoint();
}
if (end === 'close') await disk.close();
else if (end === 'abandon') await disk.abandon();
else {
  for (let i = 0; i < 20; i++)
    void disk.write(i * 4096, blockOf(Number(stamp) * 1_000 + 500 + i), { fua: i % 3 === 0 });
  setImmediate(() => process.kill(process.pid, 'SIGKILL'));
  await new Promise((resolve) => setTimeout(resolve, 10_000));
}
