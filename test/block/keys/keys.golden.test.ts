// docs/formats/keys.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loadLibgcrypt } from '../../../src/crypto/libgcrypt.ts';
import { nodeCipherBackend } from '../../../src/crypto/node-aead.ts';
import { DiskKeys } from '../../../src/block/keys/disk-keys.ts';
import {
  assertEveryByteCounts,
  counting,
  fromFields,
  GOLDEN_EPOCH_ID,
  GOLDEN_EPOCH_SECRET,
  GOLDEN_WRAPPED,
  GOLDEN_DATA_KEY,
  goldenEpoch,
  goldenKeys,
} from '../format/golden.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** HMAC-SHA-256 of nothing under each MAC key of the data key 00 01 … 1f. */
const MAC_OF_NOTHING = {
  head: '1c47ceaed929e4fa6c76447eed8acfc322ef1e339cd554f58ac8e1d83664bde8',
  'segment-header': 'ebf5ddbce61040c909cf4153cc4c2f98cd2f381bce2f4ac3d645feee32c07723',
  table: '115c6082b15de75095e5ff43276610dfa36a25cbc6fbf6afd3861bae631e0b44',
  mark: '3623511ca884bab9c5cc77920479f851cdfc2d3c9eb84256e7bf8d6a246c2f91',
} as const;

for (const cipher of [nodeCipherBackend(), loadLibgcrypt()])
  for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const)
    test(`keys of a ${suite} disk are derived as they always were, with ${cipher.name}`, () => {
      using keys = goldenKeys(suite, cipher);
      for (const purpose of ['head', 'segment-header', 'table', 'mark'] as const)
        assert.equal(hex(keys.mac(purpose, new Uint8Array(0))), MAC_OF_NOTHING[purpose], purpose);
      const epoch = keys.adoptEpoch(GOLDEN_EPOCH_ID, GOLDEN_EPOCH_SECRET, suite);
      assert.equal(hex(epoch.wrapped), GOLDEN_WRAPPED[suite]);
      assert.equal(hex(keys.epochSecret(goldenEpoch(suite))), hex(GOLDEN_EPOCH_SECRET));
    });

/** The data key 20 21 … 3f as an earlier one of a disk with the golden data key, under the id c0 c1 … cf. */
const OLDER = {
  'aes-256-gcm': [
    'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf', // id
    '246455ce5cfa4bb1138ccd4fe8b4cf87a3a05519cf27172e8c313d344a6da15c', // sealed: header key
    '533f4e5c0ef658f0f38203650ed3b67ee1a8744807337e82d96254c365bf0d71', // table key
    'df5e15c457232642caa48ac37cc555d0e1d7da62e7a1c43f5d3073335f7d8d5b', // mark key
    '8e3733bffbedce40134a7d52b9cf32f4fda635c11b9967392f68428758590a0a', // wrap root
    'ab9b8105200c39d3b4ef38c3e29e3387', // tag
  ],
  'sm4-gcm': [
    'c0c1c2c3c4c5c6c7c8c9cacbcccdcecf',
    'ffdcf64282eea04cf0a96813c4d36d65ff6037d105fc21466d710ac6ef3919e5',
    '74a1a9cf0c9d2bb57ecc7dafbe86eb521d0ccaac35615594b2ab27d976f12574',
    'a08969e38b0b9819ecc8faca40dab00c2b19f7c1c36c4c73f71c121ec43a2801',
    '2b941d1e5a47d21d60c479ff3b812a61b61453cf21680697d915b8da48a1eb54',
    'cd835fa8fe3fa67be70413b6d43e0dbb',
  ],
} as const;

for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const)
  test(`an earlier data key of a ${suite} disk is sealed as it always was, and opens what it made and no head`, () => {
    const cipher = nodeCipherBackend();
    using older = new DiskKeys(cipher, { suite: 'aes-256-gcm', key: counting(0x20, 32) });
    const epoch = older.adoptEpoch(GOLDEN_EPOCH_ID, GOLDEN_EPOCH_SECRET, 'aes-256-gcm');
    using keys = older.successor({ suite, key: GOLDEN_DATA_KEY });
    const records = keys.sealOlder({ bytes: (length) => counting(0xc0, length) });
    assert.deepEqual(records, [fromFields(...OLDER[suite])]);

    using reader = goldenKeys(suite);
    assert.throws(() => reader.epochSecret(epoch), { code: 'EPOCH_CORRUPT' });
    reader.openOlder(records);
    assert.equal(hex(reader.epochSecret(epoch)), hex(GOLDEN_EPOCH_SECRET));
    assert.equal(reader.isCurrent(epoch), false);
    assert.equal(reader.isCurrent(reader.adoptEpoch(GOLDEN_EPOCH_ID, GOLDEN_EPOCH_SECRET, suite)), true);
    for (const purpose of ['head', 'segment-header', 'table', 'mark'] as const) {
      const record = Uint8Array.from([1, 2, 3, ...older.mac(purpose, Uint8Array.of(1, 2, 3))]);
      assert.equal(reader.isAuthentic(purpose, record), purpose !== 'head', purpose);
    }
    assertEveryByteCounts(fromFields(...OLDER[suite]), (record) => {
      using other = goldenKeys(suite);
      try {
        other.openOlder([record]);
        return other.olderCount;
      } catch {
        return undefined;
      }
    });
  });

test('a changed byte of an epoch record makes it not open', () => {
  using keys = goldenKeys();
  const open = (wrapped: Uint8Array): unknown => {
    if (wrapped.length !== 48) return undefined;
    try {
      return keys.epochSecret({ ...goldenEpoch(), wrapped });
    } catch {
      return undefined;
    }
  };
  assertEveryByteCounts(goldenEpoch().wrapped, open);
  const id = GOLDEN_EPOCH_ID.slice();
  id[3] = 0;
  assert.throws(() => keys.epochSecret({ ...goldenEpoch(), id }), { kind: 'corrupt', code: 'EPOCH_CORRUPT' });
});
