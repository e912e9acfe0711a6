import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { keysOf, samplesOf, samplesOfVersion1 } from './format-samples.ts';

/** Field by field in hex; a field of 4096 bytes by its SHA-256. Nothing regenerates them: a change is a new version. */
type Vectors = Record<string, Record<string, readonly (readonly [field: string, hex: string])[]>>;
const VECTORS = JSON.parse(readFileSync(new URL('vectors/formats.json', import.meta.url), 'utf8')) as Vectors;

const hexOf = (bytes: Uint8Array): string =>
  bytes.length < 1024
    ? Buffer.from(bytes).toString('hex')
    : bytes.every((byte) => byte === 0)
      ? `${bytes.length} zeroes`
      : `sha256 ${createHash('sha256').update(bytes).digest('hex')}`;

/** The record of a vector that has no field by its SHA-256. */
const bytesOf = (vector: readonly (readonly [field: string, hex: string])[]): Uint8Array =>
  new Uint8Array(
    Buffer.concat(
      vector.map(([, hex]) => (hex.endsWith(' zeroes') ? Buffer.alloc(Number.parseInt(hex)) : Buffer.from(hex, 'hex'))),
    ),
  );

/** Formats that had another version before have a vector for each. */
const vectorName = (name: string): string => (name === 'head' || name === 'table' ? `${name} of version 2` : name);

for (const suite of ['aes-256-gcm', 'sm4-gcm'] as const) {
  for (const { name, layout, value, encode, decode } of samplesOf(suite))
    test(`a ${name} of a ${suite} disk is written and read as ever`, () => {
      const bytes = encode();
      let at = 0;
      const fields = layout.map(([field, size]) => {
        at += size;
        return [field, hexOf(bytes.subarray(at - size, at))];
      });
      assert.equal(at, bytes.length, 'the layout covers every byte');
      assert.deepEqual(fields, VECTORS[suite]?.[vectorName(name)]);
      assert.deepEqual(decode(bytes), value);
    });

  for (const { name, value, decode } of samplesOfVersion1(suite))
    test(`a ${name} of a ${suite} disk that version 1 wrote is read`, () => {
      assert.deepEqual(decode(bytesOf(VECTORS[suite]?.[name] ?? [])), value);
    });
}

const PURPOSES = {
  'segment header': 'segment-header',
  head: 'head',
  table: 'table',
  chunk: 'table',
  mark: 'mark',
} as const;

test('records whose MAC or version does not fit are not read', () => {
  const other = keysOf('sm4-gcm');
  for (const { name, encode, decode } of samplesOf('aes-256-gcm')) {
    if (!['segment header', 'head', 'table', 'chunk', 'mark'].includes(name)) continue;
    const bytes = encode();
    for (let at = 0; at < bytes.length; at++) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      assert.equal(decode(damaged), undefined, `${name} byte ${at}`);
    }
    for (const length of [0, 31, 32, bytes.length - 1])
      assert.equal(decode(bytes.subarray(0, length)), undefined, name);
    const purpose = PURPOSES[name as keyof typeof PURPOSES];
    const newer = bytes.slice();
    newer[8] = 3;
    newer.set(other.mac(purpose, newer.subarray(0, -32)), newer.length - 32);
    assert.equal(decode(newer), undefined, `${name} of version 3`);
  }
});
