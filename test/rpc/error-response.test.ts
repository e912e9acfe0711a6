import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../src/api/errors.ts';
import type { ErrorKind } from '../../src/base/errors.ts';
import { SystemError } from '../../src/base/errors.ts';
import { isUnexpected, toApiError } from '../../src/rpc/error-response.ts';

const EXPECTED: Record<ErrorKind, readonly [ecs: string, kms: string, isUnexpected: boolean]> = {
  invalid: ['400 InvalidParameter', '400 InvalidParameter', false],
  'not-found': ['404 InvalidResource.NotFound', '404 InvalidResource.NotFound', false],
  denied: ['403 OperationDenied', '403 OperationDenied', false],
  conflict: ['409 OperationConflict', '409 Rejected.StateModifiedFailed', false],
  'no-space': ['403 OperationDenied.NoStock', '403 OperationDenied.NoStock', false],
  unavailable: ['503 ServiceUnavailable', '503 ServiceUnavailableTemporary', false],
  corrupt: ['500 InternalError', '500 InternalFailure', true],
  'rolled-back': ['500 InternalError', '500 InternalFailure', true],
  internal: ['500 InternalError', '500 InternalFailure', true],
};

for (const [kind, [ecs, kms, unexpected]] of Object.entries(EXPECTED)) {
  test(`a ${kind} error of an engine is answered ${ecs}`, () => {
    const error = new SystemError(kind as ErrorKind, 'SOME_CODE', 'Something happened.');
    const shown = ({ httpStatus, code }: ApiError): string => `${httpStatus} ${code}`;
    assert.equal(shown(toApiError(error, 'ecs')), ecs);
    assert.equal(shown(toApiError(error, undefined)), ecs);
    assert.equal(shown(toApiError(error, 'kms')), kms);
    assert.equal(isUnexpected(error), unexpected);
  });
}

test('an API error is answered as it is', () => {
  const error = new ApiError('InternalError', 418, 'x');
  assert.equal(toApiError(error, 'kms'), error);
  assert.equal(isUnexpected(error), false);
});

test('what nobody threw on purpose is a 500 that gives nothing away', () => {
  for (const thrown of [new TypeError('detail'), 'detail', undefined, { detail: 1 }]) {
    const { httpStatus, code, message } = toApiError(thrown, 'ecs');
    assert.deepEqual([httpStatus, code], [500, 'InternalError']);
    assert.doesNotMatch(message, /detail/);
    assert.ok(isUnexpected(thrown));
  }
});
