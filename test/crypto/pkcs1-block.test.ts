import assert from 'node:assert/strict';
import { test } from 'node:test';

import { messageOfPkcs1Block } from '../../src/crypto/pkcs1-block.ts';

const MESSAGE = Uint8Array.from({ length: 32 }, (_, index) => 0xa0 + index);

/** 00 02, padding, 00, message. */
function block(sizeBytes = 256): Uint8Array {
  const bytes = new Uint8Array(sizeBytes).fill(0x5a);
  bytes.set([0, 2], 0);
  bytes[sizeBytes - MESSAGE.length - 1] = 0;
  bytes.set(MESSAGE, sizeBytes - MESSAGE.length);
  return bytes;
}

test('the message of a well-formed block of the expected size is answered', () => {
  assert.deepEqual(messageOfPkcs1Block(block(), 32), MESSAGE);
  // Zeroes in the message are part of it.
  const zeroes = block().fill(0, 224);
  assert.deepEqual(messageOfPkcs1Block(zeroes, 32), new Uint8Array(32));
});

test('every other byte in the place of a marker, and a zero anywhere in the padding, is refused', () => {
  for (const [index, good] of [
    [0, 0],
    [1, 2],
    [223, 0],
  ] as const) {
    for (let value = 0; value < 256; value++) {
      const changed = block();
      changed[index] = value;
      assert.equal(messageOfPkcs1Block(changed, 32) !== undefined, value === good, `byte ${index} = ${value}`);
    }
  }
  for (let index = 2; index < 223; index++) {
    const changed = block();
    changed[index] = 0;
    assert.equal(messageOfPkcs1Block(changed, 32), undefined, `byte ${index}`);
  }
});

test('a message of another size, or a block without room for eight bytes of padding, is refused', () => {
  for (const size of [0, 16, 31, 33, 245, 246, 256, 300]) assert.equal(messageOfPkcs1Block(block(), size), undefined);
  assert.deepEqual(messageOfPkcs1Block(block(43), 32), MESSAGE);
  assert.equal(messageOfPkcs1Block(block(42), 32), undefined);
});
