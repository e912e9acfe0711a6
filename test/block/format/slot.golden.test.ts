// docs/formats/slot.md. Never regenerate: a failure means that disks which exist no longer open.
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import type { CipherGCMTypes } from 'node:crypto';
import { test } from 'node:test';

import { loadLibgcrypt } from '../../../src/crypto/libgcrypt.ts';
import { nodeCipherBackend } from '../../../src/crypto/node-aead.ts';
import { openSlot, sealSlot, SLOT_DATA } from '../../../src/block/format/slot-format.ts';
import { counting, fromFields, goldenEpoch, goldenKeys } from './golden.ts';

const SEGMENT = 2 ** 32 + 3;
const SLOT = 9;
const META = { type: SLOT_DATA, level: 0, index: 2 ** 32 + 5, watermark: 7 };
const BODY = counting(0, 4096);

const NONCE = fromFields(
  '0300000001000000', // segment number
  '09000000', // slot
);
const PLAIN_META = fromFields(
  '0500000001000000', // index: the block's number
  '07000000', // durable slots
  '01', // type: data
  '00', // level
  '0000', // reserved
);

const VECTORS = [
  {
    suite: 'aes-256-gcm',
    key: '848959bc6d3f38c3c0891cc60f6afb0f0d1c98dbd9f242284843b15b1a9e4ed3',
    start: '3e40814be2037bd55d9017f9e86a6fb1',
    meta: 'e327523a2277a0211ea90e634e739e01',
    tag: 'f8b16fbc51d0eb8f94aa77fa896ed953',
    digest: '8169636aebeecb5dfeadae33dbaa0f1a9b19e178aa4995f698c7a9fd5dc2bacd',
  },
  {
    suite: 'sm4-gcm',
    key: 'ddc7ccea47c64c795ff9d00bd798cbf8',
    start: '3f392be2caccd07601b50658397276b9',
    meta: '0a1761f6a5d8441f30c42e41773574ff',
    tag: 'e072ea38696425a38b41da01fc021e54',
    digest: '59db36997f3a490c1e9a4bcdcda26e457b632d8f7d1220b4ec105a31ce9badd0',
  },
] as const;

for (const vector of VECTORS) {
  /** The slot as the page describes it, without the engine; the digest pins all of its 4,128 bytes. */
  const sealedByHand = (): Uint8Array => {
    const key = Buffer.from(vector.key, 'hex');
    const cipher = createCipheriv(vector.suite as CipherGCMTypes, key, NONCE, { authTagLength: 16 });
    const sealed = Buffer.concat([cipher.update(BODY), cipher.update(PLAIN_META)]);
    cipher.final();
    return new Uint8Array(Buffer.concat([sealed, cipher.getAuthTag()]));
  };

  for (const backend of [nodeCipherBackend(), loadLibgcrypt()])
    test(`a ${vector.suite} slot has the bytes that it always had, with ${backend.name}`, () => {
      using keys = goldenKeys(vector.suite, backend);
      const aead = keys.aead(goldenEpoch(vector.suite));
      const sealed = new Uint8Array(4128);
      sealSlot(aead, SEGMENT, SLOT, META, BODY, sealed);
      const hex = Buffer.from(sealed).toString('hex');
      assert.equal(hex.slice(0, 32), vector.start, 'start of the body');
      assert.equal(hex.slice(2 * 4096, 2 * 4112), vector.meta, 'meta');
      assert.equal(hex.slice(2 * 4112), vector.tag, 'tag');
      assert.equal(createHash('sha256').update(sealed).digest('hex'), vector.digest, 'all of it');
      const golden = sealedByHand();
      assert.equal(createHash('sha256').update(golden).digest('hex'), vector.digest);
      const body = new Uint8Array(4096);
      assert.deepEqual(openSlot(aead, SEGMENT, SLOT, golden, body), META);
      assert.deepEqual(body, BODY);
    });

  test(`a ${vector.suite} slot opens nowhere else, and not with a changed byte`, () => {
    using keys = goldenKeys(vector.suite, loadLibgcrypt());
    const aead = keys.aead(goldenEpoch(vector.suite));
    const golden = sealedByHand();
    const body = new Uint8Array(4096);
    for (const [segment, slot] of [
      [SEGMENT, SLOT + 1],
      [SEGMENT + 1, SLOT],
      [3, SLOT],
    ] as const)
      assert.equal(openSlot(aead, segment, slot, golden, body), undefined);
    for (let at = 0; at < golden.length; at++) {
      golden[at] = (golden[at] ?? 0) ^ 0x10;
      body.fill(1);
      assert.equal(openSlot(aead, SEGMENT, SLOT, golden, body), undefined, `byte ${at}`);
      golden[at] = (golden[at] ?? 0) ^ 0x10;
    }
    assert.ok(
      body.every((byte) => byte === 0),
      'nothing of what did not verify is left',
    );
    assert.deepEqual(openSlot(aead, SEGMENT, SLOT, golden, body), META);
  });
}
