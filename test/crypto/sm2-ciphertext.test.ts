import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { sm2CiphertextToDer, sm2CiphertextToString } from '../../src/crypto/sm2-ciphertext.ts';

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

test('both forms are written as GB/T 32918.4 and GB/T 35276 say', () => {
  const x = 'ff' + '11'.repeat(31);
  const y = '0000' + '22'.repeat(30);
  const hash = '33'.repeat(32);
  const string = `04${x}${y}${hash}4455`;
  // A leading ff needs a zero before it, leading zeroes go: 0221 and 021e.
  const der = `3069022100${x}021e${'22'.repeat(30)}0420${hash}04024455`;
  assert.equal(hex(sm2CiphertextToDer(Buffer.from(string, 'hex'))), der);
  assert.equal(hex(sm2CiphertextToString(Buffer.from(der, 'hex'))), string);
  assert.equal(hex(sm2CiphertextToDer(Buffer.from(der, 'hex'))), der);
});

test('every string comes back from its DER form, whatever its length', () => {
  const bytes = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
  const length = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 6047 }));
  fc.assert(
    fc.property(
      bytes(96),
      fc.integer({ min: 0, max: 32 }),
      length.chain((size) => bytes(size)),
      (head, zeroes, ciphertext) => {
        const string = Buffer.concat([Uint8Array.of(4), head.fill(0, 0, zeroes), ciphertext]);
        const der = sm2CiphertextToDer(string) ?? assert.fail('it has a DER form');
        assert.equal(hex(sm2CiphertextToString(der)), hex(string));
      },
    ),
  );
});

test('what begins like neither form, or is too short to hold anything, is refused', () => {
  for (const first of [0, 2, 3, 5, 6, 7, 0x31, 0xff])
    assert.equal(sm2CiphertextToDer(new Uint8Array(200).fill(first)), undefined);
  for (const size of [0, 1, 96, 97]) assert.equal(sm2CiphertextToDer(new Uint8Array(size).fill(4)), undefined);
});

test('a DER form that is not the shortest, or has something behind it, is refused', () => {
  const integer = `0220${'11'.repeat(32)}`;
  const hash = `0420${'33'.repeat(32)}`;
  const good = `306a${integer}${integer}${hash}0402aabb`;
  assert.equal(hex(sm2CiphertextToDer(Buffer.from(good, 'hex'))), good);
  for (const bad of [
    `${good}00`,
    `30816a${good.slice(4)}`,
    `306b${integer}${integer}${hash}040200bb`,
    `306b${integer}022100${'11'.repeat(32)}${hash}0402aabb`,
    `306a${integer}${integer}${hash}0502aabb`,
    `3069${integer}${integer}${hash}0401aabb`,
    `3048${integer}${integer}0402aabb`,
    `3085000000006a${good.slice(4)}`,
    good.slice(0, -2),
    '30',
    '3000',
  ])
    assert.equal(sm2CiphertextToDer(Buffer.from(bad, 'hex')), undefined, bad);
});
