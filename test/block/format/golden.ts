/**
 * What the golden vectors have in common. Their bytes were made outside the engine, from the pages in docs/formats; they
 * are written by hand and never by the code that they test.
 */
import assert from 'node:assert/strict';
import { createHmac, hkdfSync } from 'node:crypto';

import type { Suite } from '../../../src/crypto/aead.ts';
import { nodeCipherBackend } from '../../../src/crypto/node-aead.ts';
import { DiskKeys } from '../../../src/block/keys/disk-keys.ts';
import type { EpochRecord } from '../../../src/block/format/key-records.ts';
import type { MacPurpose } from '../../../src/block/format/record-macs.ts';

/** `length` bytes that count up from `first`. */
export function counting(first: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => first + i);
}

export const GOLDEN_DATA_KEY = counting(0x00, 32);
export const GOLDEN_EPOCH_ID = counting(0xa0, 16);
export const GOLDEN_EPOCH_SECRET = counting(0xb0, 32);

/** The golden epoch under the golden data key: sealed secret, then tag. */
export const GOLDEN_WRAPPED: Readonly<Record<Suite, string>> = {
  'aes-256-gcm':
    'a408c383fa65baf9f8b9388f8efbb96e6b1e8dc8a3d5bb44ececfe0fab810975' + '1178537480affb14015ee8affe3f7425',
  'sm4-gcm': '67a4d92f92b84d12d6e2003a2f48ff415d3f35310e59b07443141d4c306d1836' + '959da153e376383488a660e13de37b56',
};

export function goldenKeys(suite: Suite = 'aes-256-gcm', cipher = nodeCipherBackend()): DiskKeys {
  return new DiskKeys(cipher, { suite, key: GOLDEN_DATA_KEY });
}

export function goldenEpoch(suite: Suite = 'aes-256-gcm'): EpochRecord {
  return { id: GOLDEN_EPOCH_ID, suite, wrapped: fromFields(GOLDEN_WRAPPED[suite]) };
}

/** Bytes from hex, field by field. */
export function fromFields(...fields: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(fields.join(''), 'hex'));
}

/** Hex of `count` zeroes. */
export function zeroes(count: number): string {
  return '00'.repeat(count);
}

/** `record` with other bytes at `at`, under a MAC that fits: what only a writer with the key can make. */
export function remade(record: Uint8Array, purpose: MacPurpose, at: number, hex: string): Uint8Array {
  const body = Buffer.from(record.subarray(0, -32));
  body.write(hex, at, 'hex');
  const key = Buffer.from(hkdfSync('sha256', GOLDEN_DATA_KEY, '', `sealdisk/v1/${purpose}`, 32));
  return Uint8Array.from([...body, ...createHmac('sha256', key).update(body).digest()]);
}

/** Each byte of an authenticated record matters, and so does its length. */
export function assertEveryByteCounts(record: Uint8Array, decode: (copy: Uint8Array) => unknown): void {
  assert.ok(decode(record) !== undefined);
  for (let at = 0; at < record.length; at++) {
    const changed = record.slice();
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    assert.equal(decode(changed), undefined, `byte ${at}`);
  }
  for (const length of [0, 1, 31, 32, record.length - 1])
    assert.equal(decode(record.slice(0, length)), undefined, `length ${length}`);
  assert.equal(decode(Uint8Array.from([...record, 0])), undefined, 'one byte more');
}

/** None of these other bytes verifies although the MAC fits. @param decode the record with such bytes at a place. */
export function assertRefused(
  decode: (at: number, hex: string) => unknown,
  changes: readonly (readonly [at: number, hex: string])[],
): void {
  for (const [at, hex] of changes) assert.equal(decode(at, hex), undefined, `${hex} at ${at}`);
}
