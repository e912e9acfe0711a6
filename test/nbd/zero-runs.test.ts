import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { NbdClient } from '../../src/nbd/client.ts';
import { zeroRuns } from '../../src/nbd/zero-runs.ts';
import { serveMemory } from './fixture.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

test('data has no runs, and neither have zeroes that are too short to be worth a chunk', () => {
  assert.equal(zeroRuns(Buffer.alloc(MiB, 1), 0), undefined);
  assert.equal(zeroRuns(Buffer.concat([Buffer.alloc(28 * KiB), Buffer.alloc(8 * KiB, 1)]), 0), undefined);
  assert.equal(zeroRuns(new Uint8Array(0), 0), undefined);
});

test('zeroes are one run, whatever their length', () => {
  for (const length of [1, 512, 4096, 5000, MiB]) {
    assert.deepEqual(zeroRuns(Buffer.alloc(length), 700), [{ at: 0, end: length, zero: true }]);
  }
});

test('runs cover everything once, are zero where they say so, and begin and end with blocks of the export', () => {
  const part = fc.record({ length: fc.integer({ min: 1, max: 100 * KiB }), zero: fc.boolean() });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.nat(10_000), (parts, offset) => {
      const data = Buffer.concat(parts.map(({ length, zero }) => Buffer.alloc(length, zero ? 0 : 1)));
      const runs = zeroRuns(data, offset) ?? [{ at: 0, end: data.length, zero: false }];
      let at = 0;
      for (const run of runs) {
        assert.equal(run.at, at);
        assert.ok(run.end > run.at || data.length === 0);
        if (run.at > 0) assert.equal((offset + run.at) % 4096, 0);
        if (run.zero) assert.ok(data.subarray(run.at, run.end).every((byte) => byte === 0));
        at = run.end;
      }
      assert.equal(at, data.length);
    }),
    { numRuns: 300 },
  );
});

for (const headers of ['extended', 'structured', 'simple'] as const) {
  test(`${headers}: reads with holes arrive whole`, async () => {
    await using served = await serveMemory();
    served.disk.bytes.fill(7, 100 * KiB, 300 * KiB + 5);
    served.disk.bytes.fill(8, MiB - 1);
    await using client = await NbdClient.connect({ unixSocket: served.socketPath }, 'disk', { headers });
    for (const [offset, length] of [
      [0, MiB],
      [3, MiB - 3],
      [99 * KiB, 300 * KiB],
      [500 * KiB, 100 * KiB],
      [150 * KiB, 4 * KiB],
    ] as const) {
      const want = served.disk.bytes.subarray(offset, offset + length);
      assert.ok(want.equals(await client.read(offset, length)), `${offset}+${length}`);
      assert.ok(want.equals(await client.read(offset, length, { dontFragment: headers !== 'simple' })));
    }
    const hole = await client.readUnlessHole(500 * KiB, 100 * KiB);
    assert.equal(hole === undefined, headers !== 'simple');
    assert.equal((await client.readUnlessHole(150 * KiB, 10))?.[9], 7);
  });
}
