import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mac } from '../../src/crypto/mac.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const JEFE = [Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?')] as const;

test('the codes of RFC 4231, test case 2, and of GM/T 0042, annex D.3, are computed', () => {
  const expected = {
    HMAC_SHA_224: 'a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44',
    HMAC_SHA_256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    HMAC_SHA_384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    HMAC_SHA_512:
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
    HMAC_SM3: '2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882',
  } as const;
  for (const [algorithm, code] of Object.entries(expected))
    assert.equal(hex(mac(algorithm as keyof typeof expected, ...JEFE)), code, algorithm);
  const key = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
  const message = Buffer.from('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'.repeat(2));
  assert.equal(hex(mac('HMAC_SM3', key, message)), 'ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a');
});
