import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { nodeCipherBackend } from '../../src/crypto/node-aead.ts';
import { Keyring } from '../../src/root/keyring.ts';
import type { Purpose } from '../../src/root/keyring.ts';

const SECRET = Buffer.from('a secret of some length');
const DAMAGED = { kind: 'corrupt', code: 'SEALED_BYTES_DAMAGED' } as const;

function keyringOf(...purposes: readonly Purpose[]): Keyring {
  const keyring = new Keyring(nodeCipherBackend(), systemRandom);
  for (const [index, purpose] of purposes.entries())
    keyring.add({ number: index + 1, purpose, createdMs: 0, key: systemRandom.bytes(32) });
  return keyring;
}

test('what is sealed opens only in its own context, for its own purpose, unchanged, and under its own store key', () => {
  using keyring = keyringOf('rows', 'keys');
  using other = keyringOf('rows', 'keys');
  const sealer = keyring.sealer('rows');
  const sealed = sealer.seal('access-key:A', SECRET);
  assert.deepEqual(Buffer.from(sealer.open('access-key:A', sealed)), SECRET);
  assert.throws(() => sealer.open('access-key:B', sealed), DAMAGED);
  assert.throws(() => keyring.sealer('keys').open('access-key:A', sealed), DAMAGED);
  assert.throws(() => other.sealer('rows').open('access-key:A', sealed), DAMAGED);
  for (let index = 0; index < sealed.length; index++) {
    const changed = Uint8Array.from(sealed);
    changed[index] = (changed[index] ?? 0) ^ 0x10;
    assert.throws(() => sealer.open('access-key:A', changed), DAMAGED, `byte ${index}`);
  }
  for (const length of [0, 1, 4, 5, 53, sealed.length - 1])
    assert.throws(() => sealer.open('access-key:A', sealed.subarray(0, length)), DAMAGED);
});

test('sealing twice gives different bytes, and neither holds the secret', () => {
  using keyring = keyringOf('rows');
  const [one, two] = [keyring.sealer('rows').seal('x', SECRET), keyring.sealer('rows').seal('x', SECRET)];
  assert.notDeepEqual(one, two);
  assert.ok(!Buffer.from(one).includes(SECRET.subarray(0, 8)));
});

test('a new store key seals from now on, and what it seals sorts behind what earlier ones sealed', () => {
  using keyring = keyringOf('rows');
  const sealer = keyring.sealer('rows');
  const earlier = sealer.seal('x', SECRET);
  keyring.add({ number: 300, purpose: 'rows', createdMs: 0, key: systemRandom.bytes(32) });
  const later = sealer.seal('x', SECRET);
  assert.ok(Buffer.compare(earlier, later) < 0);
  assert.ok(Buffer.compare(earlier, sealer.prefix) < 0 && Buffer.compare(sealer.prefix, later) < 0);
  for (const sealed of [earlier, later]) assert.deepEqual(Buffer.from(sealer.open('x', sealed)), SECRET);
  assert.equal(keyring.rowKeys.current, 300);
  assert.equal(keyring.nextNumber, 301);
});

test('what a forgotten store key sealed may not be stored any more, and opens until it is dropped', () => {
  using keyring = keyringOf('rows');
  const sealer = keyring.sealer('rows');
  const sealed = sealer.seal('x', SECRET);
  keyring.add({ number: 2, purpose: 'rows', createdMs: 0, key: systemRandom.bytes(32) });
  assert.ok(keyring.rowKeys.opens(sealed));
  keyring.forget(1);
  assert.equal(keyring.rowKeys.opens(sealed), false);
  assert.deepEqual(Buffer.from(sealer.open('x', sealed)), SECRET);
  assert.deepEqual(
    keyring.storeKeys.map(({ number }) => number),
    [2],
  );
  keyring.dropForgotten();
  assert.throws(() => sealer.open('x', sealed), DAMAGED);
  assert.equal(keyring.rowKeys.find(1), undefined);
  assert.equal(keyring.nextNumber, 3, 'no number is used twice');
});

test('bytes that are not sealed under a store key are nothing for the row keys to refuse', () => {
  using keyring = keyringOf('rows');
  for (const bytes of [
    new Uint8Array(0),
    Uint8Array.of(2),
    new Uint8Array(60),
    Buffer.from('0e478b7a-4262-4802-b8cb-00d3fb40826b'),
  ])
    assert.ok(keyring.rowKeys.opens(bytes));
});
