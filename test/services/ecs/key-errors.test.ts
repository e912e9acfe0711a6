import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../../src/api/errors.ts';
import { SystemError } from '../../../src/base/errors.ts';
import { keyError, type KeyUse } from '../../../src/services/ecs/key-errors.ts';

/** facts.md 2.3 and decisions.md B3, B6, B8, by operation. */
const CODES: readonly (readonly [refusal: string, use: KeyUse, code: string, httpStatus: number])[] = [
  ...(['CreateDisk', 'AttachDisk', 'CreateSnapshot', 'CreateImage', 'CopyImage', 'default'] as const).flatMap(
    (use) =>
      [
        ['KmsNotEnabled', use, 'InvalidParameter.KmsNotEnabled', 400],
        ['KMSUnauthorized', use, 'InvalidParameter.KMSKeyId.KMSUnauthorized', 403],
        ['CMKUnauthorized', use, 'InvalidParameter.KMSKeyId.CMKUnauthorized', 403],
        ['CMKNotEnabled', use, 'InvalidParameter.KMSKeyId.CMKNotEnabled', 403],
        ['NotSymmetric', use, 'InvalidKMSKeyId.NotSymmetric', 400],
      ] as const,
  ),
  ['KeyNotFound', 'CreateDisk', 'InvalidParameter.KMSKeyId.NotFound', 404],
  ['KeyNotFound', 'AttachDisk', 'InvalidKMSKeyId.NotFound', 404],
  ['KeyNotFound', 'CreateSnapshot', 'InvalidParameter.KMSKeyId.NotFound', 400],
  ['KeyNotFound', 'CreateImage', 'InvalidParameter.KMSKeyId.NotFound', 404],
  ['KeyNotFound', 'CopyImage', 'InvalidParameter.KMSKeyId.NotFound', 404],
  ['KeyNotFound', 'default', 'InvalidOperation.KMSKeyIdNotFound', 403],
];

for (const [refusal, use, code, httpStatus] of CODES) {
  test(`M10: ${refusal} at ${use} is ${httpStatus} ${code}`, () => {
    const cause = new SystemError('denied', refusal, 'Because of this.');
    const error = keyError(cause, use);
    assert.ok(error instanceof ApiError);
    assert.deepEqual([error.code, error.httpStatus, error.message], [code, httpStatus, 'Because of this.']);
    assert.equal(error.cause, cause);
  });
}

test('an error that is not about the key passes unchanged', () => {
  for (const error of [new SystemError('corrupt', 'DATA_KEY_DAMAGED', 'x'), new Error('x'), 'x']) {
    assert.equal(keyError(error, 'CreateDisk'), error);
  }
});
