// docs/formats/checksums.md. Made with Python's zlib.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checksumOf, decodeChecksums, encodeChecksums } from '../../../src/block/format/checksum-format.ts';
import { assertEveryByteCounts, counting, fromFields } from './golden.ts';

const ID = counting(0x40, 16);
const BYTES = fromFields(
  '534453554d535f31', // magic "SDSUMS_1"
  '0100', // version
  '0000',
  '03000000', // slots in the list
  '404142434445464748494a4b4c4d4e4f', // segment id
  '2eafb5ef', // header region of 1,024 zeroes
  '369eb459', // slot of 4,128 bytes 01
  '00000000', // none
  '775207dc', // slot of 4,128 bytes 02
  'a5995ec1',
);
const CHECKSUMS = {
  segmentId: ID,
  headers: checksumOf(new Uint8Array(1024)),
  slots: Uint32Array.of(checksumOf(new Uint8Array(4128).fill(1)), 0, checksumOf(new Uint8Array(4128).fill(2))),
};

test('checksums have the bytes that they always had', () => {
  assert.deepEqual(encodeChecksums(CHECKSUMS), BYTES);
  assert.deepEqual(decodeChecksums(BYTES, ID), CHECKSUMS);
});

test('every byte of them counts, and those of another segment, another version or another length are none', () => {
  assertEveryByteCounts(BYTES, (copy) => decodeChecksums(copy, ID));
  assert.equal(decodeChecksums(BYTES, counting(0x41, 16)), undefined);
  assert.equal(decodeChecksums(BYTES.subarray(0, -4), ID), undefined);
  assert.equal(decodeChecksums(Buffer.concat([BYTES, BYTES.subarray(0, 4)]), ID), undefined);
  assert.equal(decodeChecksums(new Uint8Array(0), ID), undefined);
});
