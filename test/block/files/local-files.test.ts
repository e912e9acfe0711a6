import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { loadCachedRead } from '../../../src/block/files/cached-read.ts';
import { localFiles } from '../../../src/block/files/local-files.ts';

test('bytes come back from wherever they were written, cached or not', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-files-'));
  try {
    const file = await localFiles.create(path.join(directory, 'one'));
    await assert.rejects(localFiles.create(path.join(directory, 'one')), { code: 'EEXIST' });
    const small = Buffer.alloc(5_000, 'small');
    const large = Buffer.alloc(700_000, 'large');
    await file.write(small, 100);
    await file.write(large, 1_000_000);
    await file.sync();
    assert.equal(await file.sizeBytes(), 1_700_000);
    for (const [expected, position] of [
      [small, 100],
      [large, 1_000_000],
    ] as const) {
      const buffer = Buffer.alloc(expected.length);
      assert.equal(await file.read(buffer, position), expected.length);
      assert.deepEqual(buffer, expected);
      const cached = file.readCached?.(expected.length, position);
      if (cached !== undefined) assert.deepEqual(Buffer.from(cached.subarray(0, expected.length)), expected);
    }
    const beyond = Buffer.alloc(100);
    assert.equal(await file.read(beyond, 1_699_990), 10, 'short only at the end');
    assert.equal(file.readCached?.(100, 1_699_990), undefined, 'all or nothing');
    await file.close();
    await assert.rejects(file.read(beyond, 0), { code: 'FILE_CLOSED' });
    assert.equal(file.readCached?.(100, 0), undefined);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test(
  'what is in memory can be read without another thread',
  { skip: process.platform === 'linux' ? false : 'preadv2 is a call of Linux' },
  () => assert.ok(loadCachedRead(), 'preadv2 is there'),
);

test('a file is closed after the calls that use it', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-files-'));
  try {
    const file = await localFiles.create(path.join(directory, 'one'));
    const writes = Array.from({ length: 8 }, (_, i) => file.write(Buffer.alloc(400_000, i + 1), i * 400_000));
    await Promise.all([...writes, file.close()]);
    const again = await localFiles.open(path.join(directory, 'one'), 'read');
    assert.equal(await again.sizeBytes(), 8 * 400_000);
    await again.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
