import assert from 'node:assert/strict';
import { test } from 'node:test';

import { systemRandom } from '../../src/base/system-random.ts';
import { hkdfSha256 } from '../../src/crypto/kdf.ts';
import { fitsMaterialCheck, makeMaterialCheck } from '../../src/kms/material-check.ts';
import { assertSameBytes } from './open-test-kms.ts';

const VERSION = '86a9efd9-3d16-4894-bd4f-1fc43f3f2abf';
const MATERIAL = new Uint8Array(32).fill(7);

test('a check is salt and HKDF as documented', () => {
  const counting = { bytes: (length: number) => Uint8Array.from({ length }, (_, index) => index) };
  const check = makeMaterialCheck(counting, VERSION, MATERIAL);
  const salt = counting.bytes(32);
  assertSameBytes(check.subarray(0, 32), salt);
  assertSameBytes(check.subarray(32), hkdfSha256(MATERIAL, salt, `sealdisk/imported-material/v1/${VERSION}`, 32));
  assert.equal(
    Buffer.from(check.subarray(32)).toString('hex'),
    '1435e708dc0c8c76a55e1cc670ce563188baae3a8586b023395752be0d61c0dd',
  );
});

test('a check fits the same material of the same version alone', () => {
  const check = makeMaterialCheck(systemRandom, VERSION, MATERIAL);
  assert.ok(fitsMaterialCheck(check, VERSION, Uint8Array.from(MATERIAL)));
  assert.ok(!fitsMaterialCheck(check, VERSION.replace('8', '9'), MATERIAL));
  assert.ok(!fitsMaterialCheck(check, VERSION, new Uint8Array(32).fill(8)));
  assert.ok(!fitsMaterialCheck(check, VERSION, MATERIAL.subarray(0, 16)));
  assert.notDeepEqual(makeMaterialCheck(systemRandom, VERSION, MATERIAL), check, 'no two keys show the same material');
});
