// docs/formats/keys.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { loadLibgcrypt } from '../../src/crypto/libgcrypt.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import {
  assertEveryByteCounts,
  GOLDEN_EPOCH_ID,
  GOLDEN_EPOCH_SECRET,
  GOLDEN_WRAPPED,
  goldenEpoch,
  goldenKeys,
} from './golden.ts';

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
      const epoch = keys.adoptEpoch(GOLDEN_EPOCH_ID, GOLDEN_EPOCH_SECRET);
      assert.equal(hex(epoch.wrapped), GOLDEN_WRAPPED[suite]);
      assert.equal(hex(keys.epochSecret(goldenEpoch(suite))), hex(GOLDEN_EPOCH_SECRET));
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
