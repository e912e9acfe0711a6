import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  IMAGE_STATUSES,
  imageMayBecome,
  isBeingMade,
  isUsable,
} from '../../../../src/services/ecs/images/image-lifecycle.ts';

test('an image is made or fails, and is deprecated and restored; nothing leads back to its making', () => {
  const transitions = IMAGE_STATUSES.flatMap((from) =>
    IMAGE_STATUSES.filter((to) => imageMayBecome(from, to)).map((to) => `${from} -> ${to}`),
  );
  assert.deepEqual(transitions.toSorted(), [
    'Available -> Deprecated',
    'Creating -> Available',
    'Creating -> CreateFailed',
    'Deprecated -> Available',
    'Waiting -> CreateFailed',
    'Waiting -> Creating',
  ]);
});

test('every status is one of being made, usable, or at an end', () => {
  assert.deepEqual(IMAGE_STATUSES.filter(isBeingMade), ['Waiting', 'Creating']);
  assert.deepEqual(IMAGE_STATUSES.filter(isUsable), ['Available', 'Deprecated']);
});
