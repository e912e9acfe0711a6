import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { cloneDisk } from '../../../src/block/disk.ts';
import { readDisk, readSnapshot } from './independent-reader.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

const CHANGES: Record<string, (intact: Buffer) => Buffer> = {
  'one byte less': (intact) => intact.subarray(0, -1),
  'two bytes less': (intact) => intact.subarray(0, -2),
  'one byte more': (intact) => Buffer.concat([intact, Buffer.of(0)]),
  'two bytes more': (intact) => Buffer.concat([intact, Buffer.of(1, 2)]),
  'no second copy': (intact) => intact.subarray(0, intact.length / 2),
  'a damaged size': (intact) => Buffer.from(intact).fill(0xff, 12, 16),
};

test('a table and a root whose file has another length are read from the copy that is whole, and named', async () => {
  using bench = new DiskBench();
  await bench.create();
  let disk = await bench.open();
  await disk.write(4096, blockOf(1), { fua: false });
  await disk.snapshot('s-1');
  await disk.close();
  const dataKey = dataKeyOf('aes-256-gcm');
  const tables = path.join(bench.directory(), 'tables');
  const files = [path.join(tables, readdirSync(tables)[0] ?? ''), path.join(bench.directory(), 'roots', 's-1')];
  for (const [i, file] of files.entries()) {
    const intact = readFileSync(file);
    for (const [j, [kind, change]] of Object.entries(CHANGES).entries()) {
      writeFileSync(file, change(intact));
      bench.log.lines.length = 0;
      disk = await bench.open({ readOnly: true });
      assert.deepEqual(Buffer.from(await disk.read(4096, 4096)), Buffer.from(blockOf(1)), kind);
      await disk.close();
      assert.ok(bench.log.errors().length > 0, `${kind} is named`);
      assert.deepEqual(readDisk(bench.directory(), dataKey.key).state.read(1), Buffer.from(blockOf(1)), kind);
      assert.deepEqual(readSnapshot(bench.directory(), dataKey.key, 's-1').read(1), Buffer.from(blockOf(1)), kind);
      const diskId = `d-${i}-${j}`;
      await cloneDisk(
        bench.env,
        { directory: bench.directory(), snapshotId: 's-1', dataKey, pin: undefined },
        { directory: bench.directory(diskId), identity: bench.identity(diskId), dataKey },
      );
      writeFileSync(file, intact);
    }
  }
});
