import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { ReceivedBytes } from '../../src/nbd/received-bytes.ts';

test('bytes come out in order however they came in and however they are taken', () => {
  const step = fc.record({ how: fc.constantFrom('take', 'into', 'skip'), size: fc.nat(40) });
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 30 })), fc.array(step), (chunks, steps) => {
      const received = new ReceivedBytes();
      const all = Buffer.concat(chunks);
      for (const chunk of chunks) received.push(Buffer.from(chunk));
      let at = 0;
      for (const { how, size } of steps) {
        const count = Math.min(size, all.length - at);
        if (how === 'skip') assert.equal(received.skip(size), count);
        else if (how === 'take') assert.deepEqual(received.take(count), all.subarray(at, at + count));
        else {
          const target = Buffer.alloc(size);
          assert.equal(received.takeInto(target, 0), count);
          assert.deepEqual(target.subarray(0, count), all.subarray(at, at + count));
        }
        at += count;
        assert.equal(received.length, all.length - at);
      }
    }),
  );
});

test('bytes of one chunk are not copied', () => {
  const received = new ReceivedBytes();
  const chunk = Buffer.from('0123456789');
  received.push(chunk);
  received.skip(2);
  assert.equal(received.take(4).buffer, chunk.buffer);
});

test('taking more than arrived is a bug of the caller', () => {
  assert.throws(() => new ReceivedBytes().take(1), /bug/);
});
