// A subset of Wycheproof: of each file the first vectors of every flag, and some more that must be refused.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import type { EncryptionAlgorithm, SignatureAlgorithm } from '../../src/crypto/asymmetric.ts';
import { loadOpenssl } from '../../src/crypto/openssl.ts';

interface Vector {
  readonly id: number;
  readonly comment: string;
  readonly message: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}

interface Decryption {
  readonly source: string;
  readonly algorithm: EncryptionAlgorithm | 'RSAES_PKCS1_V1_5';
  readonly privateKey: string;
  readonly tests: readonly (Vector & { readonly ciphertext: string; readonly label: string })[];
}

interface Verification {
  readonly source: string;
  readonly algorithm: SignatureAlgorithm;
  readonly spec: string;
  readonly publicKey: string;
  /** Of RSA_PSS_SHA_256. */
  readonly saltBytes?: number;
  readonly tests: readonly (Vector & { readonly signature: string })[];
}

const { groups } = JSON.parse(readFileSync(new URL('vectors/wycheproof.json', import.meta.url), 'utf8')) as {
  readonly groups: readonly (Decryption | Verification)[];
};
const backend = loadOpenssl();
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const hex = (data: Uint8Array | undefined): string | undefined => data && Buffer.from(data).toString('hex');

for (const group of groups) {
  test(`${group.source} is decided as it says`, () => {
    assert.ok(group.tests.length > 0);
    if ('privateKey' in group) decryptAll(group);
    else verifyAll(group);
  });
}

function decryptAll({ algorithm, privateKey, tests }: Decryption): void {
  using key = backend.openPrivate(bytes(privateKey));
  for (const { id, comment, message, ciphertext, label, result } of tests) {
    const name = `${id}: ${comment}`;
    // Labels are not part of the API: what was encrypted with one does not open.
    const expected = result === 'valid' && label === '' ? message : undefined;
    if (algorithm !== 'RSAES_PKCS1_V1_5') {
      assert.equal(hex(key.decrypt(algorithm, bytes(ciphertext))), expected, name);
      continue;
    }
    // A block that is malformed has no message of any size; one that is not has one of its own size alone.
    for (const size of new Set([message.length / 2, 0, 1, 16, 24, 32, 117, 244, 245, 246])) {
      const opened = hex(key.unwrap(algorithm, bytes(ciphertext), size));
      assert.equal(opened, expected?.length === 2 * size ? expected : undefined, `${name}, ${size} bytes`);
    }
  }
}

function verifyAll({ algorithm, spec, publicKey, saltBytes = 32, tests }: Verification): void {
  using key = backend.openPublic(bytes(publicKey));
  assert.equal(key?.spec, spec);
  for (const { id, comment, message, signature, result } of tests) {
    const digest = createHash('sha256').update(bytes(message)).digest();
    // Only salts as long as the hash are taken (docs/formats/asymmetric.md).
    const expected = result === 'valid' && saltBytes === 32;
    assert.equal(key?.verify(algorithm, digest, bytes(signature)), expected, `${id}: ${comment}`);
  }
}
