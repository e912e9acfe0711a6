// A damaged disk on a real server: what the scrub says, and what can still be read.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress, type ExportAnswer } from '../support/api.ts';
import { runProgram, SEALDISK, TestServer, until } from '../support/start-server.ts';

const BLOCK = 4096;
const SLOT = 4128;

const sealdisk = (server: TestServer, ...args: string[]) =>
  runProgram(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    SEALDISK,
    ...args,
    '--data-dir',
    server.dataDirectory,
  ]);

/** The largest segment file: the one with the blocks. */
function segmentOf(server: TestServer, diskId: string): string {
  const directory = path.join(server.dataDirectory, 'disks', diskId, 'seg');
  const [name = ''] = readdirSync(directory).sort(
    (a, b) => statSync(path.join(directory, b)).size - statSync(path.join(directory, a)).size,
  );
  return path.join(directory, name);
}

function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

test('sealdisk disk scrub reads an exported disk, then names a flipped bit in a closed one', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  const diskId = await api.createDisk({ Encrypted: 'true' });
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  for (let i = 0; i < 64; i++) await client.write(i * BLOCK, Buffer.alloc(BLOCK, i), { fua: false });
  await client.disconnect();
  const whole = await sealdisk(server, 'disk', 'scrub', diskId);
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /no damage in \d+ slots .*; each was verified/);
  await api.unexport(exported.ExportId);
  flip(segmentOf(server, diskId), 1024 + 10 * SLOT + 5);
  const damaged = await sealdisk(server, 'disk', 'scrub', diskId, '--json');
  assert.equal(damaged.code, 1, damaged.stderr);
  const answer = JSON.parse(damaged.stdout) as {
    DamageCount: number;
    Damages: { Damage: { Cause: string; Losses: { Loss: { FirstBlock: number }[] } }[] };
  };
  assert.equal(answer.DamageCount, 1);
  const [damage] = answer.Damages.Damage;
  // Slot 0 is the note with which a log begins.
  assert.deepEqual([damage?.Cause, damage?.Losses.Loss[0]?.FirstBlock], ['rot', 9]);
});

test('a disk whose flushed log is damaged is refused, and salvaged for reading up to the damage', async () => {
  await using server = await TestServer.start();
  const api = new Api(server);
  await api.openKms();
  const diskId = await api.createDisk({ Encrypted: 'true' });
  const exported = await api.exportDisk(diskId);
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  for (let i = 0; i < 8; i++) await client.write(i * BLOCK, Buffer.alloc(BLOCK, i + 1), { fua: true });
  const [diskServer = 0] = await server.diskServerPids();
  process.kill(diskServer, 'SIGSTOP');
  flip(segmentOf(server, diskId), 1024 + 5 * SLOT + 5);
  process.kill(diskServer, 'SIGKILL');
  await client.disconnect().catch(() => undefined);
  await until('the export to be quarantined', async () => {
    const { Exports } = await api.call<{ Exports: { Export: { Status: string }[] } }>(
      'sealdisk',
      'DescribeDiskExports',
    );
    return Exports.Export[0]?.Status === 'Quarantined';
  });
  await api.unexport(exported.ExportId);
  const refused = await sealdisk(server, 'export', diskId);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /DiskError: .*damaged although it was flushed/);
  const salvaged = await sealdisk(server, 'export', diskId, '--salvage', '--json');
  assert.equal(salvaged.code, 0, salvaged.stderr);
  const answer = JSON.parse(salvaged.stdout) as ExportAnswer & { ReadOnly: boolean; Lost: string };
  assert.equal(answer.ReadOnly, true);
  assert.match(answer.Lost, /everything written behind slot 5 of log segment \d+ is left out; what lies before slot 9/);
  const reader = await NbdClient.connect(unixAddress(answer), answer.ExportName);
  assert.deepEqual(Buffer.from(await reader.read(3 * BLOCK, BLOCK)), Buffer.alloc(BLOCK, 4));
  assert.deepEqual(Buffer.from(await reader.read(4 * BLOCK, BLOCK)), Buffer.alloc(BLOCK), 'as it was before');
  await reader.disconnect();
});
