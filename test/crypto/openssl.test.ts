import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, publicEncrypt, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { encryptionLimitBytes } from '../../src/crypto/asymmetric.ts';
import type { KeyPairSpec, PrivateKey, SignatureAlgorithm } from '../../src/crypto/asymmetric.ts';
import { generatePrivateKey } from '../../src/crypto/key-pair.ts';
import { loadOpenssl } from '../../src/crypto/openssl.ts';
import { assertSameBytes } from '../kms/open-test-kms.ts';
import { pkcs8Of, spkiOf } from './ec-key.ts';
import { sm2Digest } from './sm2-digest.ts';

const backend = loadOpenssl();
const DIGEST = Uint8Array.from({ length: 32 }, (_, index) => index);
const SIGNATURES: readonly (readonly [KeyPairSpec, SignatureAlgorithm])[] = [
  ['RSA_2048', 'RSA_PSS_SHA_256'],
  ['RSA_2048', 'RSA_PKCS1_SHA_256'],
  ['EC_P256', 'ECDSA_SHA_256'],
  ['EC_P256K', 'ECDSA_SHA_256'],
  ['EC_SM2', 'SM2DSA'],
];

async function fresh(spec: KeyPairSpec): Promise<PrivateKey> {
  const pkcs8 = await generatePrivateKey(spec);
  const key = backend.openPrivate(pkcs8);
  pkcs8.fill(0);
  return key;
}

// GM/T 0003.5 (SM2 on the recommended curve): annex A, the signature of "message digest" by 1234567812345678; annex C,
// the encryption of "encryption standard". Both under the same key.
const SM2_SECRET = '3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8';
const SM2_POINT =
  '0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13';
const SM2_DIGEST = 'f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640';
const SM2_SIGNATURE =
  '3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa';
const SM2_CIPHERTEXT =
  '0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0' +
  '59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766' +
  '21886ca989ca9c7d58087307ca93092d651efa';

test('the signature and the ciphertext that GM/T 0003.5 prints are accepted', () => {
  const spki = spkiOf('EC_SM2', SM2_POINT);
  assert.equal(sm2Digest(spki, Buffer.from('message digest')).toString('hex'), SM2_DIGEST);
  using publicKey = backend.openPublic(spki) ?? assert.fail('the key of the standard is one');
  const signature = Buffer.from(SM2_SIGNATURE, 'hex');
  assert.ok(publicKey.verify('SM2DSA', Buffer.from(SM2_DIGEST, 'hex'), signature));
  assert.ok(!publicKey.verify('SM2DSA', DIGEST, signature));
  using privateKey = backend.openPrivate(pkcs8Of('EC_SM2', SM2_SECRET, SM2_POINT));
  assertSameBytes(privateKey.publicKeyDer(), spki);
  const plaintext = privateKey.decrypt('SM2PKE', Buffer.from(SM2_CIPHERTEXT, 'hex'));
  assert.equal(Buffer.from(plaintext ?? []).toString(), 'encryption standard');
});

for (const [spec, algorithm] of SIGNATURES) {
  test(`a signature of ${algorithm} under ${spec} fits its key and digest alone, and no changed byte of it does`, async () => {
    using key = await fresh(spec);
    using other = await fresh(spec);
    const signature = key.sign(algorithm, DIGEST);
    using publicKey = backend.openPublic(key.publicKeyDer()) ?? assert.fail('a public key of ours is one');
    assert.equal(publicKey.spec, spec);
    assert.ok(publicKey.verify(algorithm, DIGEST, signature));
    assert.ok(!other.verify(algorithm, DIGEST, signature));
    assert.ok(!publicKey.verify(algorithm, new Uint8Array(32), signature));
    for (let index = 0; index < signature.length; index++) {
      const changed = Uint8Array.from(signature);
      changed[index] = (changed[index] ?? 0) ^ 1;
      assert.ok(!publicKey.verify(algorithm, DIGEST, changed), `byte ${index}`);
    }
    for (const length of [1, signature.length - 1])
      assert.ok(!publicKey.verify(algorithm, DIGEST, signature.subarray(0, length)));
  });
}

for (const [spec, algorithm] of [
  ['RSA_2048', 'RSAES_OAEP_SHA_256'],
  ['RSA_2048', 'RSAES_OAEP_SHA_1'],
  ['EC_SM2', 'SM2PKE'],
] as const) {
  test(`${algorithm} under ${spec} takes one byte and as many as documented, and refuses what was changed`, async () => {
    using key = await fresh(spec);
    const limit = encryptionLimitBytes(spec, algorithm);
    for (const size of [1, limit]) {
      const plaintext = randomBytes(size);
      const ciphertext = key.encrypt(algorithm, plaintext);
      assert.ok(ciphertext.length <= (spec === 'EC_SM2' ? 6144 : 256));
      assertSameBytes(key.decrypt(algorithm, ciphertext) ?? assert.fail('it opens'), plaintext);
      for (let index = 0; index < ciphertext.length; index += size === 1 ? 1 : 97) {
        const changed = Uint8Array.from(ciphertext);
        changed[index] = (changed[index] ?? 0) ^ 1;
        assert.equal(key.decrypt(algorithm, changed), undefined, `byte ${index}`);
      }
    }
    for (const size of [0, 1, 97, 255, 257])
      assert.equal(key.decrypt(algorithm, new Uint8Array(size).fill(4)), undefined);
  });
}

test('wrapped material opens in exactly the size that is expected', async () => {
  using rsa = await fresh('RSA_2048');
  using sm2 = await fresh('EC_SM2');
  const material = randomBytes(32);
  const publicKey = createPublicKey({ key: Buffer.from(rsa.publicKeyDer()), type: 'spki', format: 'der' });
  const wrapped = [
    [rsa, 'RSAES_PKCS1_V1_5', publicEncrypt({ key: publicKey, padding: 1 }, material)],
    [rsa, 'RSAES_OAEP_SHA_1', rsa.encrypt('RSAES_OAEP_SHA_1', material)],
    [rsa, 'RSAES_OAEP_SHA_256', rsa.encrypt('RSAES_OAEP_SHA_256', material)],
    [sm2, 'SM2PKE', sm2.encrypt('SM2PKE', material)],
  ] as const;
  for (const [key, algorithm, bytes] of wrapped) {
    assertSameBytes(key.unwrap(algorithm, bytes, 32) ?? assert.fail(algorithm), material);
    for (const size of [16, 31, 33]) assert.equal(key.unwrap(algorithm, bytes, size), undefined, algorithm);
    const changed = Uint8Array.from(bytes);
    changed[100] = (changed[100] ?? 0) ^ 1;
    assert.equal(key.unwrap(algorithm, changed, 32), undefined, algorithm);
    assert.equal(key.unwrap(algorithm, new Uint8Array(0), 32), undefined, algorithm);
    assert.equal(key.unwrap(algorithm, new Uint8Array(256).fill(0xff), 32), undefined, algorithm);
  }
});

test('a public key whose numbers are no key is refused', async () => {
  using rsa = await fresh('RSA_2048');
  const good = rsa.publicKeyDer();
  const evenModulus = Uint8Array.from(good);
  const lastOfModulus = good.length - 6;
  evenModulus[lastOfModulus] = (evenModulus[lastOfModulus] ?? 0) & 0xfe;
  const exponentOne = Uint8Array.from(good);
  exponentOne.set([0, 0, 1], good.length - 3);
  const offCurve = SM2_POINT.replace(/13$/, '14');
  for (const bad of [
    evenModulus,
    exponentOne,
    spkiOf('EC_SM2', offCurve),
    good.subarray(0, 200),
    DIGEST,
    new Uint8Array(0),
  ])
    assert.equal(backend.openPublic(bad), undefined);
});

test('a sound public key of a kind that no key spec has is refused', () => {
  const der = {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  } as const;
  for (const { publicKey } of [
    generateKeyPairSync('ed25519', der),
    generateKeyPairSync('ec', { namedCurve: 'secp384r1', ...der }),
    generateKeyPairSync('rsa', { modulusLength: 1024, ...der }),
  ])
    assert.equal(backend.openPublic(publicKey), undefined);
});

test('a stored private key that is none is named damaged, and a disposed one is not used', async () => {
  assert.throws(() => backend.openPrivate(DIGEST), { kind: 'corrupt', code: 'PRIVATE_KEY_DAMAGED' });
  const key = await fresh('EC_P256');
  key[Symbol.dispose]();
  key[Symbol.dispose]();
  assert.throws(() => key.sign('ECDSA_SHA_256', DIGEST), /disposed/);
});

test('memory that is collected between calls never reaches the library', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: string }) => void;
  const pkcs8 = await generatePrivateKey('EC_P256');
  using verifier = backend.openPrivate(pkcs8);
  for (let round = 0; round < 500; round++) {
    using key = backend.openPrivate(Uint8Array.from(pkcs8));
    if (round % 5 === 0) collect({ type: 'minor' });
    if (round % 100 === 0) collect();
    const digest = new Uint8Array(32).fill(round);
    assert.ok(verifier.verify('ECDSA_SHA_256', digest, key.sign('ECDSA_SHA_256', digest)), `round ${round}`);
  }
});
