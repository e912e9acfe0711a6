import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { localFiles } from '../../../src/block/files/local-files.ts';
import { SpareFiles } from '../../../src/block/segments/spare-files.ts';

const SIZE_BYTES = 5_000;

test('only a full file without another name is used again, and no more of them than wanted', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'sealdisk-spare-'));
  try {
    const spares = new SpareFiles(localFiles, SIZE_BYTES, () => 2);
    const make = (name: string, sizeBytes = SIZE_BYTES): string => {
      const at = path.join(directory, name);
      writeFileSync(at, Buffer.alloc(sizeBytes));
      return at;
    };
    const shared = make('shared');
    linkSync(shared, path.join(directory, 'of-a-clone'));
    const offered = [shared, make('short', 4_999), make('one'), make('two'), make('three')];
    for (const file of offered) await spares.give(file);
    assert.deepEqual(
      offered.map((file) => existsSync(file)),
      [false, false, true, true, false],
    );
    assert.ok(existsSync(path.join(directory, 'of-a-clone')));
    assert.equal(spares.take(), offered[3]);
    assert.equal(spares.take(), offered[2]);
    assert.equal(spares.take(), undefined);
    await spares.give(make('four'));
    await spares.clear();
    assert.ok(!existsSync(path.join(directory, 'four')));
    await spares.give(path.join(directory, 'gone'));
    assert.equal(spares.count, 0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
