// The matrix of copies: every combination of source, place, parameters and default encryption, against the rules as a table.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ApiError } from '../../../../src/api/errors.ts';
import { decideCopy } from '../../../../src/services/ecs/images/image-copy-request.ts';
import type { UsableImage } from '../../../../src/services/ecs/images/image-use.ts';
import { aSnapshot, anImage } from '../../../metadata/support.ts';
import { combinations, expectedOf, type Combination } from './copy-matrix.ts';

function sourceOf({ origin, encrypted }: Combination): UsableImage {
  const [device] = anImage().devices;
  assert.ok(device !== undefined);
  return { origin, image: anImage(), devices: [{ ...device, snapshot: aSnapshot({ encrypted }) }] };
}

function outcomeOf(combination: Combination): string {
  const { place, Encrypted, key, byDefault } = combination;
  try {
    const decided = decideCopy(
      { ...(Encrypted !== undefined && { Encrypted }), ...(key && { KMSKeyId: 'given' }) },
      sourceOf(combination),
      {
        regionId: 'cn-hangzhou',
        destinationId: place === 'same' ? 'cn-hangzhou' : 'cn-beijing',
        defaultKeyId: byDefault ? 'default' : undefined,
      },
    );
    if (decided.kind === 'plain') return 'plain';
    if (decided.kind === 'same-keys') return 'same key';
    return decided.reference === undefined ? 'service key' : `${decided.reference} key`;
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return `${error.httpStatus} ${error.code}`;
  }
}

// KMSKeyId without Encrypted=true is refused before anything is decided: CopyImage.test.ts.
const DECIDED = combinations().filter(({ Encrypted, key }) => !key || Encrypted === true);

test('the matrix has every combination, and each outcome at least once', () => {
  assert.equal(combinations().length, 96);
  assert.equal(DECIDED.length, 64);
  const outcomes = new Set(DECIDED.map(expectedOf));
  assert.equal(outcomes.size, 11, [...outcomes].join('\n'));
});

for (const combination of DECIDED)
  test(`M18a: a copy of ${JSON.stringify(combination)} is ${expectedOf(combination)}`, () =>
    assert.equal(outcomeOf(combination), expectedOf(combination)));
