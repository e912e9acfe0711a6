// docs/formats/stream.md. The values come from make_golden.py, which was written from that page. Never regenerate: a
// failure means that streams which exist can no longer be received.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { BLOCK_SIZE_BYTES } from '../../src/base/units.ts';
import type { WrappedStreamKey } from '../../src/stream/key-section.ts';
import type { StreamHeader } from '../../src/stream/stream-header.ts';
import { stateIdentity } from '../../src/stream/stream-keys.ts';
import type { StateToSend } from '../../src/stream/stream-layout.ts';
import { StreamReader } from '../../src/stream/stream-reader.ts';
import { StreamSource } from '../../src/stream/stream-source.ts';

const STREAM_KEY = counting(0x00, 32);

const VECTORS: readonly (readonly [StreamHeader['suite'], WrappedStreamKey, sha256: string, pieces: object])[] = [
  [
    'aes-256-gcm',
    { by: 'kms', kmsKeyId: 'key-golden', blob: counting(0x60, 5) },
    '190508b89b9f6cd4467b2535250bbec480de2a74545407a0e414d7f589a21be3',
    {
      beginning: '534453545245414d0100000000001000101112131415161718191a1b1c1d1e1f0102010000100000',
      numbers: '0000400000000000a81000000000000001000000000000000068e5cf8b010000',
      section: '0100050000000000' + '6b65792d676f6c64656e' + '00'.repeat(54) + '6061626364',
      commitment: 'c7b1432d7ef9cbee0aa73d0b936c605939d41397c948704a69b1b52ed3c64c20',
      mac: '721ce1f3811dde1c62783587286ac53e50752694d6692e0d7a4934cdeea2e089',
      tag: 'cb764e18fe42c8ec86de643bde96f3c4',
    },
  ],
  [
    'sm4-gcm',
    { by: 'passphrase', cost: { n: 2 ** 17, r: 8, p: 1 }, salt: counting(0x80, 32), sealed: counting(0xa0, 6) },
    '66109a0e5dfd885088e4aecdcbf45465b342e4e13219d8f35a68779e103964e5',
    {
      beginning: '534453545245414d0100000000001000101112131415161718191a1b1c1d1e1f0202010000100000',
      numbers: '0000400000000000a81000000000000001000000000000000068e5cf8b010000',
      section:
        '0200060000000000' +
        '000002000800000001000000' +
        '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f' +
        '00'.repeat(20) +
        'a0a1a2a3a4a5',
      commitment: 'c7b1432d7ef9cbee0aa73d0b936c605939d41397c948704a69b1b52ed3c64c20',
      mac: '081a1a43aaaea9b1f826db2cd892746afa9ac236a2563ab18651ebd8bbea3049',
      tag: 'e00a724b90e917ab0db5f2f3f7d3c7ee',
    },
  ],
];

for (const [suite, key, sha256, expected] of VECTORS)
  test(`a stream under ${suite}, its key wrapped by ${key.by}, has the bytes that the page describes`, async () => {
    const source = await StreamSource.of(nodeCipherBackend(), goldenState(), { ...fields(suite), key }, STREAM_KEY);
    const stream = Buffer.from(await source.read(0, source.sizeBytes));
    const hex = (from: number, to?: number): string => stream.subarray(from, to).toString('hex');
    const sectionEnd = 328 + 72 + (key.by === 'kms' ? 5 : 6);
    assert.deepEqual(
      {
        beginning: hex(0, 40),
        numbers: hex(40, 72),
        section: hex(328, sectionEnd),
        commitment: hex(4032, 4064),
        mac: hex(4064, 4096),
        tag: hex(-16),
      },
      expected,
    );
    assert.equal(stream.length, 8376);
    assert.equal(createHash('sha256').update(stream).digest('hex'), sha256);

    using reader = new StreamReader(nodeCipherBackend(), stream.subarray(0, 4096), STREAM_KEY);
    assert.deepEqual(reader.header, source.header);
    assert.deepEqual(
      [...reader.push(stream.subarray(4096))].map((change) => ({ ...change, data: undefined })),
      [
        { kind: 'hole', block: 1, blocks: 1, data: undefined },
        { kind: 'zero', block: 2, blocks: 1, data: undefined },
        { kind: 'data', block: 3, data: undefined },
        { kind: 'hole', block: 512, blocks: 512, data: undefined },
      ],
    );
    reader.finish();
  });

test('the identity of a state is the hash that the page describes', () => {
  const state = { diskId: 'd-golden', snapshotId: 's-two', diskSizeBytes: 4_194_304, root: 1_048_577 };
  assert.equal(
    Buffer.from(stateIdentity(state)).toString('hex'),
    'a37ce0a969a4c42deb21a08b7fc016dd569b63047066ab7ae736df9f24fa770c',
  );
});

function fields(suite: StreamHeader['suite']) {
  return {
    streamId: counting(0x10, 16),
    suite,
    encrypted: true,
    diskId: 'd-golden',
    state: { snapshotId: 's-two', identity: counting(0x20, 32) },
    base: { snapshotId: 's-one', identity: counting(0x40, 32) },
    createdMs: 1_700_000_000_000,
  };
}

/** Of 1,024 blocks, 1 is a hole now, 2 is zeroes, 3 holds 5a …, and 512 to 1,023 were trimmed. */
function goldenState(): StateToSend {
  const kinds = ['data', 'hole', 'zero', 'data', ...Array.from({ length: 1_020 }, () => 'hole')];
  const each = <T>(offset: number, length: number, of: (block: number) => T) =>
    Array.from({ length: length / BLOCK_SIZE_BYTES }, (_, i) => of(offset / BLOCK_SIZE_BYTES + i));
  return {
    sizeBytes: 1_024 * BLOCK_SIZE_BYTES,
    read: async (_offset, length) => new Uint8Array(length).fill(0x5a),
    blockStatus: async (offset, length) => {
      const all = each(offset, length, (block) => kinds[block]);
      const first = all.findIndex((kind) => kind !== all[0]);
      const lengthBytes = (first === -1 ? all.length : first) * BLOCK_SIZE_BYTES;
      return [{ lengthBytes, hole: all[0] === 'hole', zero: all[0] !== 'data' }];
    },
    changedSinceBase: async (offset, length) =>
      each(offset, length, (block) => ({
        lengthBytes: BLOCK_SIZE_BYTES,
        dirty: (block >= 1 && block <= 3) || block >= 512,
      })),
  };
}

function counting(first: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => first + i);
}
