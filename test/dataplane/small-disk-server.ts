// A disk server without disks: enough for the supervisor to find, start, lose and adopt.
import { closeSync, writeSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { SystemError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/log.ts';
import { lockFile } from '../../src/base/system-file-lock.ts';
import { makeRuntimeDirectory } from '../../src/base/system-runtime-directory.ts';
import { PROTOCOL_VERSION } from '../../src/dataplane/protocol.ts';
import { diskServerSocket } from '../../src/dataplane/socket-path.ts';
import { ControlServer, type Handlers } from '../../src/diskserver/control-server.ts';

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { 'data-dir': { type: 'string' }, 'nbd-listen': { type: 'string' } },
});
const dataDirectory = values['data-dir'] ?? '';
const report = (outcome: object): void => {
  writeSync(3, JSON.stringify(outcome));
  closeSync(3);
};

if (values['nbd-listen'] === 'taken:1') {
  report({ kind: 'conflict', code: 'PORT_TAKEN', message: 'taken:1 is in use' });
  process.exit(1);
}
makeRuntimeDirectory(dataDirectory);
lockFile(`${dataDirectory}/disk-server.lock`, 'small disk server');
const refuse = (): Promise<never> => Promise.reject(new SystemError('no-space', 'FULL', 'the store is full'));
const handlers: Handlers = {
  ping: async () => ({}),
  createDisk: refuse,
  cloneDisk: refuse,
  deleteDisk: refuse,
  createSnapshot: refuse,
  rotateDataKey: refuse,
  rewrapDataKey: refuse,
  settleDataKey: refuse,
  continueReencryption: refuse,
  deleteSnapshot: refuse,
  growDisk: refuse,
  measureUsage: refuse,
  openExport: refuse,
  openSnapshotExport: refuse,
  closeExport: refuse,
  diskStatistics: refuse,
  listExports: async () => ({ exports: [] }),
  startScrub: refuse,
  describeScrub: async () => ({ scrub: undefined }),
  openSend: refuse,
  openReceive: refuse,
  applyStream: refuse,
  listTransfers: async () => ({ transfers: [] }),
  closeTransfer: refuse,
  shutdown: async () => {
    setImmediate(() => process.exit(0));
    return { pins: [{ diskId: 'd-1', pin: { sequence: 4, digest: '00' } }] };
  },
};
const hello = {
  protocol:
    process.env['SMALL_DISK_SERVER_PROTOCOL'] === undefined
      ? PROTOCOL_VERSION
      : Number(process.env['SMALL_DISK_SERVER_PROTOCOL']),
  version: '0.0.0',
  dataDirectory,
  nbdAddress: values['nbd-listen'] ?? '',
  pid: process.pid,
  bootId: 'boot',
};
await new ControlServer(hello, handlers, silentLogger).listen(diskServerSocket(dataDirectory));
report({ ready: true });
