import assert from 'node:assert/strict';
import { test } from 'node:test';
import { format, inspect } from 'node:util';

import { equalInConstantTime } from '../../src/crypto/constant-time.ts';
import { SecretBytes } from '../../src/crypto/secret-bytes.ts';

test('a secret is zeroed when it is disposed, and refuses to be used afterwards', () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const secret = new SecretBytes(bytes);
  assert.equal(secret.reveal(), bytes);
  secret[Symbol.dispose]();
  secret[Symbol.dispose]();
  assert.deepEqual(bytes, new Uint8Array(3));
  assert.throws(() => secret.reveal());
});

test('nothing that prints or serialises a secret shows its bytes', () => {
  using secret = new SecretBytes(Uint8Array.of(201, 202, 203));
  const holder = { secret, list: [secret] };
  const shown = [
    String(secret),
    JSON.stringify(holder),
    inspect(holder, { depth: 9, showHidden: true }),
    format('%s %o %j', secret, secret, secret),
    JSON.stringify(Object.entries(secret)),
    JSON.stringify(Object.assign({}, secret)),
  ].join('\n');
  assert.ok(shown.includes('[secret]'));
  assert.ok(!/20[123]|c9cacb|ycrL/i.test(shown), shown);
});

test('equal bytes are equal, and other bytes or lengths are not', () => {
  assert.ok(equalInConstantTime(Uint8Array.of(1, 2), Uint8Array.of(1, 2)));
  assert.ok(!equalInConstantTime(Uint8Array.of(1, 2), Uint8Array.of(1, 3)));
  assert.ok(!equalInConstantTime(Uint8Array.of(1, 2), Uint8Array.of(1)));
});
