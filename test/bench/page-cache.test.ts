import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { cachedPart, evict, warm } from '../../bench/page-cache.ts';

test('a file is seen to leave the page cache and to come back', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealdisk-cache-'));
  const file = path.join(folder, 'file');
  writeFileSync(file, Buffer.alloc(3_000_001, 1));
  assert.equal(await cachedPart([file]), 1);
  await evict([file]);
  // A file system in memory has no other place for it.
  const evicted = await cachedPart([file]);
  assert.ok(evicted < 0.1 || (await isInMemory(folder)), `${evicted} of the file are still cached`);
  await warm([file]);
  assert.equal(await cachedPart([file]), 1);
  assert.equal(await cachedPart([]), 1);
  assert.equal(statSync(file).size, 3_000_001);
  rmSync(folder, { recursive: true });
});

async function isInMemory(folder: string): Promise<boolean> {
  const { statfs } = await import('node:fs/promises');
  const TMPFS_MAGIC = 0x01021994;
  return (await statfs(folder)).type === TMPFS_MAGIC;
}
