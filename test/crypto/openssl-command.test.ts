// The openssl command of the machine (another build, and usually another version, than the one inside Node) as a second
// implementation, in both directions.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';

import type { EncryptionAlgorithm, KeyPairSpec, SignatureAlgorithm } from '../../src/crypto/asymmetric.ts';
import { generatePrivateKey } from '../../src/crypto/key-pair.ts';
import { mac } from '../../src/crypto/mac.ts';
import { loadOpenssl } from '../../src/crypto/openssl.ts';
import { sm2CiphertextToDer } from '../../src/crypto/sm2-ciphertext.ts';
import { assertSameBytes } from '../kms/open-test-kms.ts';
import { OpensslCommand, PKEYUTL } from '../support/openssl-command.ts';
import { SM2_DEFAULT_ID, sm2Digest } from './sm2-digest.ts';

const backend = loadOpenssl();
const MESSAGE = Buffer.from('what both have to agree on');

async function pair(spec: KeyPairSpec, openssl: OpensslCommand) {
  const pkcs8 = await generatePrivateKey(spec);
  const key = backend.openPrivate(pkcs8);
  const spki = key.publicKeyDer();
  const privateFile = ['-keyform', 'DER', '-inkey', openssl.file('private', pkcs8)];
  const publicFile = ['-pubin', '-keyform', 'DER', '-inkey', openssl.file('public', spki)];
  return { key, spki, privateFile, publicFile };
}

const ENCRYPTION: readonly (readonly [KeyPairSpec, EncryptionAlgorithm])[] = [
  ['RSA_2048', 'RSAES_OAEP_SHA_1'],
  ['RSA_2048', 'RSAES_OAEP_SHA_256'],
  ['RSA_3072', 'RSAES_OAEP_SHA_256'],
  ['EC_SM2', 'SM2PKE'],
];

for (const [spec, algorithm] of ENCRYPTION) {
  test(`${algorithm} under ${spec}: openssl opens what we encrypt, and we open what it encrypts`, async () => {
    using openssl = new OpensslCommand();
    const { key, privateFile, publicFile } = await pair(spec, openssl);
    using _freed = key;
    const options = PKEYUTL[algorithm] ?? [];
    const input = openssl.file('plaintext', MESSAGE);
    const theirs = openssl.out('pkeyutl', '-encrypt', ...publicFile, ...options, '-in', input);
    assertSameBytes(key.decrypt(algorithm, theirs) ?? assert.fail('it opens'), MESSAGE);
    const ours = key.encrypt(algorithm, MESSAGE);
    const asTheyRead = algorithm === 'SM2PKE' ? (sm2CiphertextToDer(ours) ?? assert.fail('it has a DER form')) : ours;
    const file = openssl.file('ciphertext', asTheyRead);
    assertSameBytes(openssl.out('pkeyutl', '-decrypt', ...privateFile, ...options, '-in', file), MESSAGE);
  });
}

const SIGNATURES: readonly (readonly [KeyPairSpec, SignatureAlgorithm])[] = [
  ['RSA_2048', 'RSA_PSS_SHA_256'],
  ['RSA_3072', 'RSA_PKCS1_SHA_256'],
  ['EC_P256', 'ECDSA_SHA_256'],
  ['EC_P256K', 'ECDSA_SHA_256'],
];

for (const [spec, algorithm] of SIGNATURES) {
  test(`${algorithm} under ${spec}: openssl accepts our signatures, and we accept its`, async () => {
    using openssl = new OpensslCommand();
    const { key, privateFile, publicFile } = await pair(spec, openssl);
    using _freed = key;
    const digest = createHash('sha256').update(MESSAGE).digest();
    const options = [...(PKEYUTL[algorithm] ?? []), '-in', openssl.file('digest', digest)];
    assert.ok(key.verify(algorithm, digest, openssl.out('pkeyutl', '-sign', ...privateFile, ...options)));
    const signature = openssl.file('signature', key.sign(algorithm, digest));
    assert.ok(openssl.accepts('pkeyutl', '-verify', ...publicFile, ...options, '-sigfile', signature));
    const other = openssl.file('other', key.sign(algorithm, new Uint8Array(32)));
    assert.ok(!openssl.accepts('pkeyutl', '-verify', ...publicFile, ...options, '-sigfile', other));
  });
}

test('SM2DSA: openssl, which makes Z and hashes by itself, accepts our signatures, and we accept its', async () => {
  using openssl = new OpensslCommand();
  const { key, spki, privateFile, publicFile } = await pair('EC_SM2', openssl);
  using _freed = key;
  const digest = sm2Digest(spki, MESSAGE);
  const options = ['-rawin', '-digest', 'sm3', '-pkeyopt', `distid:${SM2_DEFAULT_ID}`];
  const input = ['-in', openssl.file('message', MESSAGE)];
  assert.ok(key.verify('SM2DSA', digest, openssl.out('pkeyutl', '-sign', ...privateFile, ...options, ...input)));
  const signature = openssl.file('signature', key.sign('SM2DSA', digest));
  assert.ok(openssl.accepts('pkeyutl', '-verify', ...publicFile, ...options, ...input, '-sigfile', signature));
  const other = openssl.file('other', key.sign('SM2DSA', new Uint8Array(32)));
  assert.ok(!openssl.accepts('pkeyutl', '-verify', ...publicFile, ...options, ...input, '-sigfile', other));
});

for (const [algorithm, digest] of [
  ['HMAC_SHA_224', 'SHA224'],
  ['HMAC_SHA_256', 'SHA256'],
  ['HMAC_SHA_384', 'SHA384'],
  ['HMAC_SHA_512', 'SHA512'],
  ['HMAC_SM3', 'SM3'],
] as const) {
  test(`${algorithm}: openssl computes the same code`, () => {
    using openssl = new OpensslCommand();
    const key = randomBytes(32);
    const options = ['-digest', digest, '-macopt', `hexkey:${key.toString('hex')}`, '-binary'];
    const theirs = openssl.out('mac', ...options, '-in', openssl.file('message', MESSAGE), 'HMAC');
    assertSameBytes(mac(algorithm, key, MESSAGE), theirs);
  });
}
