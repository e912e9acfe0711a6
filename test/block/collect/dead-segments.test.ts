import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';

import { DeadSegments } from '../../../src/block/collect/dead-segments.ts';
import { openState } from '../../../src/block/open-disk.ts';
import { blockOf, dataKeyOf, DiskBench } from '../disk-fixture.ts';

test('a condemned segment stays for as long as the head on storage names it', async () => {
  using bench = new DiskBench();
  await bench.create();
  const disk = await bench.open();
  await disk.write(0, blockOf(1), { fua: false });
  await disk.close();
  const { state, lock } = await openState(bench.env, bench.directory(), {
    diskId: 'd-1',
    dataKey: dataKeyOf('aes-256-gcm'),
    pin: undefined,
    readOnly: false,
  });
  const [entry] = state.store.entries();
  assert.ok(entry !== undefined);
  const file = state.store.pathOf(entry.id);
  const dead = new DeadSegments(state);
  await dead.condemn([entry]);
  await dead.release(state.spares);
  assert.ok(existsSync(file), 'a crash now finds a head that needs it');
  assert.equal(dead.count, 1);
  state.head = { ...state.head, tableId: new Uint8Array(16).fill(9) };
  await dead.release(state.spares);
  assert.ok(!existsSync(file));
  assert.equal(dead.count, 0);
  await state.spares.clear();
  state.store.close();
  await state.headFile.close();
  lock[Symbol.dispose]();
});
