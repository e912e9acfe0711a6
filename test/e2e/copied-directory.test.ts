// A data directory that was copied: a disk that was closed opens without a question, one that was open must be adopted.
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress, type ExportAnswer } from '../support/api.ts';
import { TestServer } from '../support/start-server.ts';

const BLOCK = 4096;

async function contentOf(exported: ExportAnswer): Promise<Buffer> {
  const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
  const content = Buffer.from(await client.read(0, BLOCK));
  await client.disconnect();
  return content;
}

test('a copy opens closed disks as they are, and disks that were left open only with --adopt', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-copied-'));
  using _cleanup = { [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) };
  const original = path.join(folder, 'original');
  const copy = path.join(folder, 'copy');
  let closed = '';
  let left: ExportAnswer | undefined;
  {
    await using server = await TestServer.start({ dataDirectory: original });
    const api = new Api(server);
    await api.openKms();
    const disks = await Promise.all(
      [1, 2].map(async (value) => {
        const exported = await api.exportDisk(await api.createDisk({ Encrypted: 'true' }));
        const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
        await client.write(0, Buffer.alloc(BLOCK, value), { fua: true });
        await client.disconnect();
        return exported;
      }),
    );
    closed = disks[0]?.DiskId ?? '';
    left = disks[1];
    await api.unexport(disks[0]?.ExportId ?? '');
    const [diskServer = 0] = await server.diskServerPids();
    await server.kill('SIGKILL');
    process.kill(diskServer, 'SIGKILL');
    cpSync(original, copy, { recursive: true });
  }
  await using server = await TestServer.start({ dataDirectory: copy });
  const api = new Api(server);
  assert.deepEqual(await contentOf(await api.exportDisk(closed)), Buffer.alloc(BLOCK, 1));

  assert.ok(left !== undefined);
  await api.unexport(left.ExportId, { Force: 'true' });
  const refused = await server.sealdisk('export', left.DiskId, '--json');
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /adopt/);
  assert.deepEqual(
    await contentOf(await server.json<ExportAnswer>('export', left.DiskId, '--adopt')),
    Buffer.alloc(BLOCK, 2),
  );
});
