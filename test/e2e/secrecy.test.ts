// Where a plaintext data key may be, and where it may not: looked for in the memory of the running programs and in every file.
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { NbdClient } from '../../src/nbd/client.ts';
import { Api, unixAddress } from '../support/api.ts';
import { filesWith } from '../support/files-with.ts';
import { TestServer } from '../support/start-server.ts';

const CHUNK = 4 * 1024 * 1024;

/** How often `needle` stands in the writable memory of a process. */
function countInMemory(pid: number, needle: Buffer): number {
  let count = 0;
  const fd = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (match === null) continue;
      const [from, to] = [Number(`0x${match[1]}`), Number(`0x${match[2]}`)];
      const chunk = Buffer.alloc(CHUNK + needle.length);
      for (let at = from; at < to; at += CHUNK) {
        let length = 0;
        try {
          length = readSync(fd, chunk, 0, Math.min(chunk.length, to - at), at);
        } catch {
          continue;
        }
        const seen = chunk.subarray(0, length);
        for (let found = seen.indexOf(needle); found !== -1; found = seen.indexOf(needle, found + 1)) count += 1;
      }
    }
  } finally {
    closeSync(fd);
  }
  return count;
}

test(
  'a plaintext data key is in no file, and in no memory once its disk is closed',
  { skip: process.getuid?.() === 0 ? false : 'only root reads the memory of other processes' },
  async () => {
    await using server = await TestServer.start();
    const api = new Api(server);
    await api.openKms();
    const diskId = await api.createDisk({ Encrypted: 'true' });
    const exported = await api.exportDisk(diskId);
    const client = await NbdClient.connect(unixAddress(exported), exported.ExportName);
    await client.write(0, Buffer.alloc(4096, 5), { fua: true });
    await client.disconnect();

    const database = new DatabaseSync(path.join(server.dataDirectory, 'metadata.db'), { readOnly: true });
    const row = database.prepare('select wrapped_key, suite from disks where disk_id = ?').get(diskId) as {
      wrapped_key: Uint8Array;
      suite: string;
    };
    database.close();
    const { Plaintext } = await api.call<{ Plaintext: string }>('kms', 'Decrypt', {
      CiphertextBlob: Buffer.from(row.wrapped_key).toString('base64'),
      EncryptionContext: JSON.stringify({
        'acs:ecs:disk-id': diskId,
        'sealdisk:encrypted': 'true',
        'sealdisk:suite': row.suite,
      }),
    });
    const dataKey = Buffer.from(Plaintext, 'base64');
    assert.equal(dataKey.length, 32);

    await api.unexport(exported.ExportId);
    const [diskServer = 0] = await server.diskServerPids();
    assert.equal(countInMemory(diskServer, dataKey), 0, 'the disk server forgot the key');
    assert.equal(countInMemory(server.pid, dataKey), 0, 'the control plane did not keep the key');
    for (const form of [dataKey, Buffer.from(dataKey.toString('hex')), Buffer.from(Plaintext)]) {
      assert.deepEqual(filesWith(server.dataDirectory, form), []);
    }
    // The search finds what is there: a secret that this very process holds.
    assert.ok(countInMemory(process.pid, dataKey) > 0);
  },
);

test('the disk server cannot be dumped or inspected', async () => {
  await using server = await TestServer.start();
  const [diskServer = 0] = await server.diskServerPids();
  assert.match(readFileSync(`/proc/${diskServer}/limits`, 'utf8'), /Max core file size\s+0\s+0/);
  process.kill(diskServer, 'SIGUSR1');
  await assert.rejects(fetch('http://127.0.0.1:9229/json/version'));
  assert.deepEqual(await server.diskServerPids(), [diskServer]);
});
