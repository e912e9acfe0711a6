// docs/formats/notes.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HOLE, ZERO } from '../../../src/block/format/address.ts';
import { decodeNote, encodeNote, NOT_A_BLOCK } from '../../../src/block/format/note-format.ts';
import type { Note } from '../../../src/block/format/note-format.ts';
import { counting, fromFields, zeroes } from './golden.ts';

const VECTORS: readonly (readonly [string, Note, Uint8Array])[] = [
  [
    'the beginning of a segment',
    {
      kind: 'begin',
      previous: { segment: 2 ** 32 + 3, id: counting(0x70, 16), slots: 16_256 },
      durable: { segment: 2 ** 32 + 2, slot: 9 },
    },
    fromFields(
      '01', // kind: begin
      '0300000001000000', // previous: number
      '707172737475767778797a7b7c7d7e7f', // previous: id
      '803f0000', // previous: slots
      '0200000001000000', // durable: segment
      '09000000', // durable: slot
      zeroes(4055),
    ),
  ],
  [
    'a run of holes',
    { kind: 'run', marker: HOLE, firstBlock: 2 ** 33 + 1, blockCount: 2 ** 32 },
    fromFields(
      '02', // kind: run
      '00', // marker: hole
      '0100000002000000', // first block
      '0000000001000000', // number of blocks
      zeroes(4078),
    ),
  ],
  [
    'a run of allocated zeroes',
    { kind: 'run', marker: ZERO, firstBlock: 5, blockCount: 6 },
    fromFields('02', '01', '0500000000000000', '0600000000000000', zeroes(4078)),
  ],
  [
    'what three slots hold',
    { kind: 'summary', firstSlot: 680, blocks: Float64Array.of(2 ** 33 + 1, NOT_A_BLOCK, 7) },
    fromFields(
      '03', // kind: summary
      'a8020000', // first slot
      '0300', // number of slots
      '010000000200', // a block
      'ffffffffffff', // a note
      '070000000000', // a block
      zeroes(4071),
    ),
  ],
];

for (const [name, note, bytes] of VECTORS)
  test(`a note about ${name} has the bytes that it always had`, () => {
    assert.equal(bytes.length, 4096);
    assert.deepEqual(encodeNote(note), bytes);
    assert.deepEqual(decodeNote(bytes), note);
  });

test('a note of another kind is unknown, and the zeroes behind a note mean nothing', () => {
  for (const kind of ['00', '04', 'ff']) assert.equal(decodeNote(fromFields(kind, zeroes(4095))), undefined);
  const [, note, bytes] = VECTORS[1] ?? assert.fail();
  assert.deepEqual(decodeNote(Uint8Array.from(bytes).fill(0xff, 18)), note);
});
