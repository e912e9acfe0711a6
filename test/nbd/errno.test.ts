import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SystemError } from '../../src/base/errors.ts';
import type { ErrorKind } from '../../src/base/errors.ts';
import { refusalOf } from '../../src/nbd/errno.ts';

const WANT: Readonly<Record<ErrorKind, number>> = {
  invalid: 22,
  denied: 1,
  'no-space': 28,
  corrupt: 5,
  'rolled-back': 5,
  unavailable: 5,
  'not-found': 5,
  conflict: 5,
  internal: 5,
};

for (const [kind, errno] of Object.entries(WANT)) {
  test(`an export that fails with ${kind} answers error ${errno} and tells nothing of its own`, () => {
    const refusal = refusalOf(new SystemError(kind as ErrorKind, 'CODE', 'the secret place is /var/x'));
    assert.equal(refusal.error, errno);
    assert.doesNotMatch(refusal.message, /secret/);
    assert.match(refusal.message, /^[\x20-\x7e]+\.$/, 'the encoder takes ASCII');
  });
}

test('an error that is not ours answers NBD_EIO', () => {
  assert.equal(refusalOf(new TypeError('x')).error, 5);
  assert.equal(refusalOf('x').error, 5);
});
